package bench.flink;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * Runs one of the programs of {@code bench/batch/cases.ts} as a bounded job of Flink's SQL in batch mode, on a cluster in this process,
 * checks its result and prints what was measured as one line of JSON.
 *
 * <p>Arguments, as name=value: case, scale, budgetMb (managed memory), textFile; those with a dot are settings of Flink.
 */
public final class RunBatch {
  private static final TypeInformation<Row> ROW = Types.ROW_NAMED(new String[] {"key", "text"}, Types.LONG, Types.STRING);

  /** What the one task at the end of the job has seen; the cluster is in this process. */
  private static long seen;
  private static long last = -1;

  public static void main(String[] args) throws Exception {
    Map<String, String> options = MeasuredRun.options(args);
    double scale = Double.parseDouble(options.get("scale"));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, configuration(options));
    env.setRuntimeMode(RuntimeExecutionMode.BATCH);
    StreamTableEnvironment tables = StreamTableEnvironment.create(env);

    long startedAt = System.nanoTime();
    long records;
    long expected;
    switch (options.get("case")) {
      case "word-count" -> {
        records = Math.round(12_200_000 * scale) * 12;
        expected = records;
        wordCount(env, tables, options.get("textFile"));
      }
      case "sort" -> {
        records = Math.round(10_000_000 * scale);
        expected = records;
        sort(env, tables, records);
      }
      case "join" -> {
        long many = Math.round(5_000_000 * scale);
        long few = Math.round(1_000_000 * scale);
        records = many + few;
        expected = many;
        join(env, tables, many, few);
      }
      default -> throw new IllegalArgumentException("There is no case " + options.get("case"));
    }
    env.execute();
    double seconds = (System.nanoTime() - startedAt) / 1e9;
    if (seen != expected) throw new IllegalStateException("There are " + seen + " results; there should be " + expected);
    double cpuSeconds = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis() / 1e3;
    System.out.printf("{\"records\":%d,\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"spilledBytes\":0,\"heldBytes\":0,\"peakRssBytes\":%d}%n",
        records, seconds, cpuSeconds, MeasuredRun.peakRssMb() * 1024 * 1024);
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static void wordCount(StreamExecutionEnvironment env, StreamTableEnvironment tables, String file) {
    DataStream<String> words = env
        .fromSource(FileSource.forRecordStreamFormat(new TextLineInputFormat(), new org.apache.flink.core.fs.Path(Path.of(file).toUri())).build(),
            WatermarkStrategy.noWatermarks(), "text")
        .flatMap((String line, Collector<String> out) -> {
          for (int start = 0; ; ) {
            int end = line.indexOf(' ', start);
            if (end < 0) {
              out.collect(line.substring(start));
              return;
            }
            out.collect(line.substring(start, end));
            start = end + 1;
          }
        })
        .returns(Types.STRING);
    tables.createTemporaryView("words", tables.fromDataStream(words).as("word"));
    look(tables, "SELECT word, COUNT(*) FROM words GROUP BY word", row -> seen += (long) row.getField(1));
  }

  private static void sort(StreamExecutionEnvironment env, StreamTableEnvironment tables, long count) {
    rows(env, tables, "records", count, RunBatch::scatter, "text of record ");
    look(tables, "SELECT `key`, text FROM records ORDER BY `key`", row -> {
      long key = (long) row.getField(0);
      if (key < last) throw new IllegalStateException(key + " comes after " + last);
      last = key;
      seen++;
    });
  }

  private static void join(StreamExecutionEnvironment env, StreamTableEnvironment tables, long many, long few) {
    rows(env, tables, "orders", many, n -> scatter(n) % few, "order ");
    rows(env, tables, "owners", few, n -> n, "text of record ");
    // The smaller side is held, as in the other system: of streams Flink does not know the sizes.
    look(tables, "SELECT /*+ SHUFFLE_HASH(owners) */ CHAR_LENGTH(orders.text) + CHAR_LENGTH(owners.text)"
        + " FROM orders JOIN owners ON orders.`key` = owners.`key`", row -> seen++);
  }

  private interface Key extends java.io.Serializable {
    long of(long index);
  }

  private interface Look extends java.io.Serializable {
    void at(Row row);
  }

  private static void rows(
      StreamExecutionEnvironment env, StreamTableEnvironment tables, String name, long count, Key key, String text) {
    DataStream<Row> made = env.fromSequence(0, count - 1).map(n -> Row.of(key.of(n), text + n)).returns(ROW);
    tables.createTemporaryView(name, tables.fromDataStream(made));
  }

  private static void look(StreamTableEnvironment tables, String select, Look look) {
    Table results = tables.sqlQuery(select);
    tables.toDataStream(results)
        .map(row -> {
          look.at(row);
          return 1;
        })
        .returns(Types.INT)
        .sinkTo(new DiscardingSink<>());
  }

  /** The same numbers as in {@code cases.ts}. */
  private static long scatter(long index) {
    int hash = (int) index * 0x9e3779b1;
    hash = (hash ^ (hash >>> 15)) * 0x2c1b3c6d;
    hash = (hash ^ (hash >>> 12)) * 0x297a2d39;
    return (hash ^ (hash >>> 15)) & 0xffffffffL;
  }

  private static Configuration configuration(Map<String, String> options) {
    Configuration config = new Configuration();
    config.setString("restart-strategy.type", "none");
    config.setString("taskmanager.memory.managed.size", options.get("budgetMb") + "m");
    options.forEach((name, value) -> {
      if (name.contains(".")) config.setString(name, value);
    });
    return config;
  }

  private RunBatch() {}
}
