import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Recent } from './recent.ts';

it('keeps the latest 20 refusals, the latest first', () => {
  const recent = new Recent(() => new Date(0));
  for (let number = 1; number <= 25; number += 1) {
    recent.refused({ method: 'CreateContainer', kind: 'NotAllowed', message: String(number) });
  }
  const messages = recent.refusals.map(({ message }) => message);
  assert.deepEqual([messages.length, messages[0], messages.at(-1)], [20, '25', '6']);
  assert.equal(recent.refusals[0]?.time, '1970-01-01T00:00:00.000Z');
});
