package io.koinon.compat.server;

import java.io.IOException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.netflix.eureka.server.EnableEurekaServer;

/** The real Spring Cloud Eureka server, as its guide shows it. */
@SpringBootApplication
@EnableEurekaServer
public class Server {
  public static void main(String[] args) {
    if (System.getenv("END_WITH_STDIN") != null) {
      endWithStandardInput();
    }
    SpringApplication.run(Server.class, args);
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
}
