import assert from 'node:assert/strict';
import { it } from 'node:test';
import { pino } from 'pino';
import { createHealthServer } from './server.ts';

it('the health of a process says whether its policy is in force', async () => {
  let inForce = true;
  const app = await createHealthServer({
    version: '1',
    logger: pino({ level: 'silent' }),
    policyInForce: () => inForce,
  });
  assert.deepEqual((await app.inject('/healthz')).json(), { status: 'ok', policyInForce: true });
  inForce = false;
  assert.deepEqual((await app.inject('/readyz')).json(), { status: 'ready', policyInForce: false });
  assert.match((await app.inject('/metrics')).body, /^fairlead_policy_in_force\{service="fairlead-health"\} 0$/m);
  await app.close();
});
