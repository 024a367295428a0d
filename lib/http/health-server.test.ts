import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pino } from 'pino';
import { createHealthServer } from './health-server.ts';

it('the health of a process reports whether its policy is in force', async () => {
  let inForce = true;
  let missing = false;
  const app = await createHealthServer({
    version: '1',
    logger: pino({ level: 'silent' }),
    policyInForce: () => inForce,
    policyMissing: () => missing,
  });
  assert.deepEqual((await app.inject('/healthz')).json(), { status: 'ok', policyInForce: true });
  inForce = false;
  assert.deepEqual((await app.inject('/readyz')).json(), { status: 'ready', policyInForce: false });
  assert.match((await app.inject('/metrics')).body, /^fairlead_policy_in_force\{service="fairlead-health"\} 0$/m);
  missing = true;
  const denying = { status: 'ok', policyInForce: false, policy: 'does not exist: everything is denied' };
  assert.deepEqual((await app.inject('/healthz')).json(), denying);
  await app.close();
});

it('the metrics are written once for all who ask at the same time, after they have asked', async () => {
  let written = 0;
  let inForce = true;
  const app = await createHealthServer({
    version: '1',
    logger: pino({ level: 'silent' }),
    policyInForce: () => {
      written++;
      return inForce;
    },
  });
  const asked = Array.from({ length: 100 }, () => app.inject('/metrics'));
  for (const answer of asked) assert.match((await answer).body, /^fairlead_policy_in_force\{.*\} 1$/m);
  assert.ok(written < 20, `${written} times`);
  inForce = false;
  assert.match((await app.inject('/metrics')).body, /^fairlead_policy_in_force\{.*\} 0$/m);
  await app.close();
});
