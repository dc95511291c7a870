package io.koinon.compat.provider;

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
    SpringApplication.run(Provider.class, args);
  }

  @GetMapping("/port")
  int port() {
    return context.getWebServer().getPort();
  }
}
