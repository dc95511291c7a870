package io.koinon.compat.provider;

import java.io.IOException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A service that says which of its instances answered. */
@SpringBootApplication
@RestController
public class Provider {
  private final WebServerApplicationContext context;

  Provider(WebServerApplicationContext context) {
    this.context = context;
  }

  public static void main(String[] args) {
    if (System.getenv("END_WITH_STDIN") != null) {
      endWithStandardInput();
    }
    SpringApplication.run(Provider.class, args);
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

  @GetMapping("/port")
  int port() {
    return context.getWebServer().getPort();
  }
}
