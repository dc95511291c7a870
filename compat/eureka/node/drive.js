// Drives the unmodified npm eureka-js-client by commands: one per line on stdin, answered by one line of JSON.
//
// usage: node drive.js HOST PORT SERVICE_PATH APP ID OWN_PORT full|delta
//
//   start                registers, starts heartbeats and fetches
//   instances APP        what the client's own cache holds for an application
//   vip VIP              the same by vip address
//   counts               heartbeats that were answered with 200, registrations, and fetches
//   status VALUE         asks for a status override of this instance, through the client's own requests
//   status               takes the override back
//   stop                 leaves
//
// The client's own log goes to stderr and is no JSON. The end of stdin ends the program.
'use strict';

const readline = require('readline');
const { Eureka } = require('eureka-js-client');

const [host, port, servicePath, app, instanceId, ownPort, mode] = process.argv.slice(2);
const log = (...words) => console.error(...words);

const client = new Eureka({
  shouldUseDelta: mode === 'delta',
  logger: { debug() {}, info: log, warn: log, error: log },
  instance: {
    app,
    instanceId,
    hostName: '127.0.0.1',
    ipAddr: '127.0.0.1',
    statusPageUrl: 'http://127.0.0.1:1/info',
    port: { $: Number(ownPort), '@enabled': 'true' },
    vipAddress: app,
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
      name: 'MyOwn',
    },
  },
  eureka: {
    host,
    port: Number(port),
    servicePath,
    heartbeatInterval: 300,
    registryFetchInterval: 200,
    maxRetries: 1,
    requestRetryDelay: 100,
  },
});

const counts = { heartbeat: 0, registered: 0, registryUpdated: 0 };
for (const event of Object.keys(counts)) {
  client.on(event, () => {
    counts[event] += 1;
  });
}

const say = (answer) => console.log(JSON.stringify(answer));
const shown = (instances) =>
  instances
    .map((i) => ({ id: i.instanceId, status: i.status }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
const done = (error) => say(error ? { error: String(error) } : { ok: true });

function changeStatus(value) {
  const own = `${app}/${instanceId}/status`;
  const request = value
    ? { method: 'PUT', uri: `${own}?value=${value}` }
    : { method: 'DELETE', uri: `${own}?value=UP` };
  client.eurekaRequest(request, (error, response) =>
    error ? done(error) : say({ status: response.statusCode }),
  );
}

const commands = {
  start: () => client.start(done),
  instances: (name) => say({ instances: shown(client.getInstancesByAppId(name)) }),
  vip: (name) => say({ instances: shown(client.getInstancesByVipAddress(name)) }),
  counts: () => say(counts),
  status: changeStatus,
  stop: () => client.stop(done),
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [command, argument] = line.split(' ');
    try {
      commands[command](argument);
    } catch (error) {
      done(error);
    }
  })
  .on('close', () => process.exit(0));
