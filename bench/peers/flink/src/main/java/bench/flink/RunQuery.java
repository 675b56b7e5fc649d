package bench.flink;

import java.time.ZoneId;
import java.util.Map;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * Runs one query on a cluster in this process, exactly once, from the beginning of a topic to its present end, and prints
 * what was measured as one line of JSON.
 *
 * <p>Arguments, as name=value: query, brokers, input, output, parallelism, commitMs, backend (hashmap or rocksdb), folder;
 * further ones with a dot in their name are settings of Flink.
 */
public final class RunQuery {
  private static final String LATENESS_SECONDS = "4";

  public static void main(String[] args) throws Exception {
    Map<String, String> options = MeasuredRun.options(args);
    NexmarkSql.Query query = NexmarkSql.QUERIES.get(options.get("query"));
    if (query == null) throw new IllegalArgumentException("There is no query " + options.get("query"));

    StreamTableEnvironment tables = environment(options);
    createTables(tables, query, options);
    FirstRecord.watch();
    tables.executeSql("INSERT INTO query_rows " + query.select()).await();
    MeasuredRun.end();
  }

  private static StreamTableEnvironment environment(Map<String, String> options) {
    int parallelism = Integer.parseInt(options.get("parallelism"));
    StreamTableEnvironment tables = StreamTableEnvironment.create(
        StreamExecutionEnvironment.createLocalEnvironment(parallelism, MeasuredRun.configuration(options)));
    tables.getConfig().setLocalTimeZone(ZoneId.of("UTC"));
    return tables;
  }

  private static void createTables(StreamTableEnvironment tables, NexmarkSql.Query query, Map<String, String> options) {
    String brokers = "'properties.bootstrap.servers' = '" + options.get("brokers") + "'";
    tables.executeSql("CREATE TEMPORARY TABLE events (" + NexmarkSql.EVENT_COLUMNS.formatted(LATENESS_SECONDS) + ") WITH ("
        + "'connector' = 'kafka', 'format' = 'json', 'topic' = '" + options.get("input") + "', " + brokers
        + ", 'properties.group.id' = '" + options.get("output") + "'"
        + ", 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset')");
    NexmarkSql.VIEWS.forEach(tables::executeSql);
    String sink = "'topic' = '" + options.get("output") + "', " + brokers
        + ", 'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '" + options.get("output") + "'"
        + ", 'properties.transaction.timeout.ms' = '600000', 'properties.linger.ms' = '5', 'properties.batch.size' = '131072'";
    tables.executeSql(query.key() == null
        ? "CREATE TEMPORARY TABLE query_rows (" + query.columns() + ") WITH ('connector' = 'kafka', 'format' = 'json', " + sink + ")"
        : "CREATE TEMPORARY TABLE query_rows (" + query.columns() + ", PRIMARY KEY (" + query.key() + ") NOT ENFORCED) WITH ("
            + "'connector' = 'upsert-kafka', 'key.format' = 'json', 'value.format' = 'json', " + sink + ")");
  }

  private RunQuery() {}
}
