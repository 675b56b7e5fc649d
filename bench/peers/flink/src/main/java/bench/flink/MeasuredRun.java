package bench.flink;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;

/** What every measured run has: its arguments as name=value, the settings of its cluster, and the line that it ends with. */
final class MeasuredRun {
  static Map<String, String> options(String[] args) {
    Map<String, String> options = new HashMap<>();
    for (String arg : args) options.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
    return options;
  }

  static Configuration configuration(Map<String, String> options) {
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
    return config;
  }

  /** Prints what was measured and ends the process: closing the cluster is no part of the measurement. */
  static void end() throws Exception {
    long steadyMs = (System.nanoTime() - FirstRecord.nanos()) / 1_000_000;
    long endedAtMs = System.currentTimeMillis();
    long cpuMs = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toMillis();
    System.out.printf(
        "{\"steadyMs\":%d,\"endedAtMs\":%d,\"cpuMs\":%d,\"peakRssMb\":%d}%n", steadyMs, endedAtMs, cpuMs, peakRssMb());
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  /** Linux only: the high-water mark of the resident set. */
  static long peakRssMb() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
    }
    return 0;
  }

  private MeasuredRun() {}
}
