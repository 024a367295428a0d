import assert from 'node:assert/strict';
import { it, mock } from 'node:test';
import { LimitedLog } from './limited-log.ts';

it('logs one problem of sending traces in a minute, and how many were left out', () => {
  const logged: unknown[] = [];
  const record = (level: string) => (fields: object, message: string) => void logged.push([level, fields, message]);
  const log = new LimitedLog({ warn: record('warn'), error: record('error') });
  const now = mock.method(performance, 'now', () => 0);
  try {
    log.error('refused');
    log.error('refused again');
    now.mock.mockImplementation(() => 59_999);
    log.warn('queue is full');
    now.mock.mockImplementation(() => 60_000);
    log.warn('late');
  } finally {
    now.mock.restore();
  }
  const messageId = 'fairlead.telemetry.failed';
  assert.deepEqual(logged, [
    ['error', { messageId, problem: 'refused', leftOut: 0 }, 'traces were not sent'],
    ['warn', { messageId, problem: 'late', leftOut: 2 }, 'traces were not sent'],
  ]);
});
