package bench.streams;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Runs one query with Kafka Streams, exactly once, from the beginning of a topic to its present end, and prints what was
 * measured as one line of JSON.
 *
 * <p>Arguments, as name=value: query, brokers, input, output, parallelism, commitMs, folder.
 */
public final class RunQuery {
  private static final long POLL_MS = 50;
  /** An application does not end by itself: it has, when its input is committed and nothing has changed for so long. */
  private static final long QUIET_MS = 5_000;

  private record Progress(Map<TopicPartition, Long> committed, Map<TopicPartition, Long> outputEnds) {}

  public static void main(String[] args) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (String arg : args) options.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
    String application = "streams-" + options.get("output");
    KafkaStreams streams = new KafkaStreams(
        NexmarkTopology.of(options.get("query"), options.get("input"), options.get("output")),
        settings(application, options));
    streams.setUncaughtExceptionHandler(failure -> {
      failure.printStackTrace();
      Runtime.getRuntime().halt(1);
      return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
    });
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.get("brokers")))) {
      Map<TopicPartition, Long> inputEnds = ends(admin, options.get("input"));
      streams.start();
      print(watch(admin, application, inputEnds, options.get("output")), dropped(streams));
      // The next run finds nothing of this one, and no work for the broker.
      List<String> own = admin.listTopics().names().get().stream().filter(name -> name.startsWith(application + "-")).toList();
      if (!own.isEmpty()) admin.deleteTopics(own).all().get();
    }
    Runtime.getRuntime().halt(0);
  }

  private static Properties settings(String application, Map<String, String> options) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.get("brokers"));
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, options.get("commitMs"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, options.get("parallelism"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Path.of(options.get("folder")).toAbsolutePath().toString());
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, EventTime.class);
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    settings.put(StreamsConfig.producerPrefix("batch.size"), "131072");
    return settings;
  }

  private record End(long nanos, long millis, long cpuMs) {
    static End now() {
      long cpuMs = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis();
      return new End(System.nanoTime(), System.currentTimeMillis(), cpuMs);
    }
  }

  /** Waits for the end of the work: the last change of what is committed. */
  private static End watch(Admin admin, String application, Map<TopicPartition, Long> inputEnds, String output)
      throws Exception {
    Progress before = null;
    End end = End.now();
    while (true) {
      Progress progress = new Progress(committed(admin, application), ends(admin, output));
      if (!progress.equals(before)) {
        before = progress;
        end = End.now();
      }
      boolean isRead = inputEnds.entrySet().stream()
          .allMatch(entry -> progress.committed().getOrDefault(entry.getKey(), -1L) >= entry.getValue());
      if (isRead && System.nanoTime() - end.nanos() > QUIET_MS * 1_000_000) return end;
      Thread.sleep(POLL_MS);
    }
  }

  private static Map<TopicPartition, Long> committed(Admin admin, String group) throws Exception {
    return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet().stream()
        .filter(entry -> entry.getValue() != null)
        .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().offset()));
  }

  private static Map<TopicPartition, Long> ends(Admin admin, String topic) throws Exception {
    Map<TopicPartition, OffsetSpec> latest = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic)
        .partitions().stream()
        .collect(Collectors.toMap(info -> new TopicPartition(topic, info.partition()), info -> OffsetSpec.latest()));
    return admin.listOffsets(latest).all().get().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().offset()));
  }

  /** Records that came too late for their window. */
  private static long dropped(KafkaStreams streams) {
    return streams.metrics().values().stream()
        .filter(metric -> metric.metricName().name().equals("dropped-records-total"))
        .mapToLong(metric -> ((Number) metric.metricValue()).longValue())
        .sum();
  }

  private static void print(End end, long dropped) throws Exception {
    long steadyMs = (end.nanos() - EventTime.firstNanos()) / 1_000_000;
    System.out.printf(
        "{\"steadyMs\":%d,\"endedAtMs\":%d,\"cpuMs\":%d,\"peakRssMb\":%d,\"dropped\":%d}%n",
        steadyMs, end.millis(), end.cpuMs(), peakRssMb(), dropped);
    System.out.flush();
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
