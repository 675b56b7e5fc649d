package bench.flink;

import java.time.Duration;
import java.util.Map;
import org.apache.flink.cep.nfa.aftermatch.AfterMatchSkipStrategy;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.conditions.IterativeCondition;
import org.apache.flink.cep.pattern.conditions.SimpleCondition;

/** The patterns of bench/cep/patterns.ts, by the same names. */
final class ClickPatterns {
  /** An event of the topic. */
  public static final class Click {
    public int user;
    public int kind;
    public int value;
    public long time;
  }

  static final Map<String, Pattern<Click, ?>> PATTERNS = Map.of(
      "strict pair", Pattern.<Click>begin("a").where(kind(0)).next("b").where(kind(1)),
      "followedBy within 1 min", Pattern.<Click>begin("a").where(kind(0))
          .followedBy("b").where(kind(1)).where(new AboveFirst())
          .within(Duration.ofMinutes(1)),
      "oneOrMore.until", Pattern.<Click>begin("a", AfterMatchSkipStrategy.skipPastLastEvent()).where(kind(0))
          .followedBy("b").where(SimpleCondition.of(click -> click.kind >= 1 && click.kind <= 3)).oneOrMore().until(kind(19))
          .followedBy("c").where(kind(4))
          .within(Duration.ofMinutes(1)));

  private static SimpleCondition<Click> kind(int kind) {
    return SimpleCondition.of(click -> click.kind == kind);
  }

  private static final class AboveFirst extends IterativeCondition<Click> {
    @Override
    public boolean filter(Click click, Context<Click> matched) throws Exception {
      return click.value > matched.getEventsForPattern("a").iterator().next().value;
    }
  }

  private ClickPatterns() {}
}
