package io.koinon.compat.consumer;

import java.io.IOException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;

/** Calls the provider by its name; the registry says where its instances are. */
@SpringBootApplication
public class Consumer {
  public static void main(String[] args) {
    if (System.getenv("END_WITH_STDIN") != null) {
      endWithStandardInput();
    }
    SpringApplication.run(Consumer.class, args);
  }

  /** Ends with the test that started us: its end, however sudden, closes our standard input. */
  private static void endWithStandardInput() {
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (IOException closed) {
                // The same as its end.
              }
              Runtime.getRuntime().halt(1);
            });
    watcher.setDaemon(true);
    watcher.start();
  }

  @Bean
  @LoadBalanced
  RestTemplate balanced() {
    return new RestTemplate();
  }

  @RestController
  static class Calls {
    private final RestTemplate balanced;

    Calls(RestTemplate balanced) {
      this.balanced = balanced;
    }

    @GetMapping("/call")
    String call() {
      return balanced.getForObject("http://compat-provider/port", String.class);
    }
  }
}
