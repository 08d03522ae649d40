// Backstage's reader of Microsoft Graph, read by tests/bench/peers_process.py: the first line of the standard input says
// what to read, each further one asks for one reading, and each answer is a line of JSON with what it made and took.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { cwd } from 'node:process';

// This file lies beside its lock file; the packages are where the process was started.
const require = createRequire(`${cwd()}/`);
const { ClientSecretCredential } = require('@azure/identity');
const { MicrosoftGraphClient, readMicrosoftGraphOrg } = require(
  '@backstage/plugin-catalog-backend-module-msgraph',
);

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

// `MicrosoftGraphClient.create` would ask Microsoft about the login service, and ask it for a token for a host without
// its port; otherwise this is what it does.
function clientOf(known) {
  const credential = new ClientSecretCredential(known.tenant, known.application, known.secret, {
    authorityHost: known.login,
    disableInstanceDiscovery: true,
  });
  return new MicrosoftGraphClient(`${known.graph}/v1.0`, {
    getToken: () => credential.getToken(`${known.graph}/.default`),
  });
}

async function reading(known) {
  const began = performance.now();
  const counters = process.cpuUsage();
  const { users, groups } = await readMicrosoftGraphOrg(clientOf(known), known.tenant, {
    loadUserPhotos: false,
    logger: SILENT,
  });
  const { user, system } = process.cpuUsage(counters);
  return {
    wall_s: (performance.now() - began) / 1e3,
    cpu_s: (user + system) / 1e6,
    people: users.length,
    memberships: users.reduce((sum, each) => sum + (each.spec.memberOf ?? []).length, 0),
    groups: groups.length,
  };
}

let known;
for await (const line of createInterface({ input: process.stdin })) {
  if (known === undefined) {
    known = JSON.parse(line);
  } else {
    global.gc?.();
    console.log(JSON.stringify(await reading(known)));
  }
}
