package io.koinon.compat.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** Tells stories to one server through jetcd and prints a verdict for each: `PASS name` or `FAIL name: why`. */
public final class Stories {
  /** A call that takes longer has hung. */
  private static final long SECONDS = 30;

  private Stories() {}

  /** One story; it throws when something is not as it should be. */
  interface Story {
    void tell(Client client, String prefix) throws Exception;
  }

  public static void main(String[] arguments) {
    Map<String, Story> all = new LinkedHashMap<>();
    KeyStories.addTo(all);
    WatchStories.addTo(all);
    LeaseStories.addTo(all);
    ServiceStories.addTo(all);
    int failed = 0;
    for (Map.Entry<String, Story> story : all.entrySet()) {
      try (Client client = connect(arguments[0])) {
        story.getValue().tell(client, "/" + story.getKey() + "/");
        System.out.println("PASS " + story.getKey());
      } catch (Exception | AssertionError problem) {
        failed++;
        System.out.println("FAIL " + story.getKey() + ": " + problem);
      }
    }
    // The client's threads are daemons or not as it likes; the verdict does not wait for them.
    System.exit(failed == 0 ? 0 : 1);
  }

  static Client connect(String endpoint) {
    return Client.builder().endpoints(endpoint).connectTimeout(Duration.ofSeconds(SECONDS)).build();
  }

  static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }

  /** Waits for an answer; what a call failed with is thrown itself. */
  static <T> T get(CompletableFuture<T> answer) throws Exception {
    try {
      return answer.get(SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException problem) {
      throw problem.getCause() instanceof Exception cause ? cause : problem;
    }
  }

  static void same(String what, Object got, Object wanted) {
    if (!wanted.equals(got)) {
      throw new AssertionError(what + ": got " + got + ", wanted " + wanted);
    }
  }

  /** The code that the server refused with; the client wraps some refusals and not others. */
  static Status.Code code(Exception problem) {
    return Status.fromThrowable(problem).getCode();
  }

  /** What a call fails with. */
  static Exception failure(CompletableFuture<?> answer) {
    try {
      get(answer);
    } catch (Exception problem) {
      return problem;
    }
    throw new AssertionError("did not fail");
  }
}
