package bench.flink;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
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
    Map<String, String> options = new HashMap<>();
    for (String arg : args) options.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
    NexmarkSql.Query query = NexmarkSql.QUERIES.get(options.get("query"));
    if (query == null) throw new IllegalArgumentException("There is no query " + options.get("query"));

    StreamTableEnvironment tables = environment(options);
    createTables(tables, query, options);
    FirstRecord.watch();
    tables.executeSql("INSERT INTO query_rows " + query.select()).await();

    long steadyMs = (System.nanoTime() - FirstRecord.nanos()) / 1_000_000;
    long endedAtMs = System.currentTimeMillis();
    long cpuMs = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis();
    System.out.printf(
        "{\"steadyMs\":%d,\"endedAtMs\":%d,\"cpuMs\":%d,\"peakRssMb\":%d}%n", steadyMs, endedAtMs, cpuMs, peakRssMb());
    System.out.flush();
    // Closing the cluster is no part of the measurement.
    Runtime.getRuntime().halt(0);
  }

  private static StreamTableEnvironment environment(Map<String, String> options) {
    int parallelism = Integer.parseInt(options.get("parallelism"));
    Configuration config = new Configuration();
    config.setString("parallelism.default", options.get("parallelism"));
    config.setString("execution.checkpointing.interval", options.get("commitMs") + " ms");
    config.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    config.setString("execution.checkpointing.storage", "filesystem");
    config.setString("execution.checkpointing.dir", Path.of(options.get("folder")).toAbsolutePath().toUri().toString());
    config.setString("execution.checkpointing.incremental", "true");
    config.setString("state.backend.type", options.get("backend"));
    config.setString("restart-strategy.type", "none");
    config.setString("taskmanager.memory.managed.size", "512m");
    config.setString("taskmanager.memory.network.min", "128m");
    config.setString("taskmanager.memory.network.max", "128m");
    config.setString("metrics.reporters", "first");
    config.setString("metrics.reporter.first.factory.class", FirstRecord.Factory.class.getName());
    options.forEach((name, value) -> {
      if (name.contains(".")) config.setString(name, value);
    });
    StreamTableEnvironment tables =
        StreamTableEnvironment.create(StreamExecutionEnvironment.createLocalEnvironment(parallelism, config));
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

  /** Linux only: the high-water mark of the resident set. */
  private static long peakRssMb() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
    }
    return 0;
  }

  private RunQuery() {}
}
