package bench.flink;

import bench.flink.ClickPatterns.Click;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.cep.CEP;
import org.apache.flink.cep.functions.PatternProcessFunction;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.formats.json.JsonDeserializationSchema;
import org.apache.flink.formats.json.JsonSerializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

/**
 * Looks for one pattern, exactly once, from the beginning of a topic to its present end, and prints what was measured as one
 * line of JSON. Arguments as those of {@link RunQuery}; query names the pattern.
 */
public final class RunPattern {
  /** A match: when it was complete, and the times and values of its events, stage by stage. */
  public static final class Found {
    public int user;
    public long ends;
    public long[] events;
  }

  public static void main(String[] args) throws Exception {
    Map<String, String> options = MeasuredRun.options(args);
    Pattern<Click, ?> pattern = ClickPatterns.PATTERNS.get(options.get("query"));
    if (pattern == null) throw new IllegalArgumentException("There is no pattern " + options.get("query"));

    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(
        Integer.parseInt(options.get("parallelism")), MeasuredRun.configuration(options));
    DataStream<Click> clicks = env.fromSource(
        source(options),
        WatermarkStrategy.<Click>forMonotonousTimestamps().withTimestampAssigner((click, at) -> click.time),
        "clicks");
    CEP.pattern(clicks.keyBy(click -> click.user), pattern).process(new Describe()).sinkTo(sink(options));
    FirstRecord.watch();
    env.execute("patterns");
    MeasuredRun.end();
  }

  private static final class Describe extends PatternProcessFunction<Click, Found> {
    @Override
    public void processMatch(Map<String, List<Click>> match, Context context, Collector<Found> out) {
      Found found = new Found();
      found.user = match.get("a").get(0).user;
      found.ends = context.timestamp();
      found.events = Stream.of("a", "b", "c")
          .flatMap(stage -> match.getOrDefault(stage, List.of()).stream())
          .flatMapToLong(click -> LongStream.of(click.time, click.value))
          .toArray();
      out.collect(found);
    }
  }

  private static KafkaSource<Click> source(Map<String, String> options) {
    return KafkaSource.<Click>builder()
        .setBootstrapServers(options.get("brokers"))
        .setTopics(options.get("input"))
        .setGroupId(options.get("output"))
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setBounded(OffsetsInitializer.latest())
        .setValueOnlyDeserializer(new JsonDeserializationSchema<>(Click.class))
        .build();
  }

  private static KafkaSink<Found> sink(Map<String, String> options) {
    Properties properties = new Properties();
    properties.setProperty("transaction.timeout.ms", "600000");
    properties.setProperty("linger.ms", "5");
    properties.setProperty("batch.size", "131072");
    return KafkaSink.<Found>builder()
        .setBootstrapServers(options.get("brokers"))
        .setKafkaProducerConfig(properties)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(options.get("output"))
        .setRecordSerializer(KafkaRecordSerializationSchema.<Found>builder()
            .setTopic(options.get("output"))
            .setValueSerializationSchema(new JsonSerializationSchema<Found>())
            .build())
        .build();
  }

  private RunPattern() {}
}
