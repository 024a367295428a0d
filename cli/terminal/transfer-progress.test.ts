import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Descriptor } from '#lib/registry/descriptor';
import { parseDigest } from '#lib/registry/digest';
import { TransferProgress } from './transfer-progress.ts';
import { reporting } from './verbosity.ts';

const blob = (digit: string, size: number): Descriptor => ({
  mediaType: 'application/octet-stream',
  digest: parseDigest(`sha256:${digit.repeat(64)}`),
  size,
});

/** Runs an action in front of a stderr that is not a terminal; returns what was written. */
function written(t: TestContext, action: (pass: (milliseconds: number) => void) => void): string {
  let now = 1000;
  let output = '';
  t.mock.method(performance, 'now', () => now);
  const write = t.mock.method(process.stderr, 'write', (text: string) => {
    output += text;
    return true;
  });
  try {
    action((milliseconds) => {
      now += milliseconds;
    });
  } finally {
    write.mock.restore();
  }
  return output;
}

describe('TransferProgress without a terminal', () => {
  it('prints a line every ten seconds, and none about what is fast or small', (t) => {
    const output = written(t, (pass) => {
      const progress = new TransferProgress();
      const [large, other, small] = [blob('a', 40_000_000), blob('b', 60_000_000), blob('c', 1000)];
      progress.advance(large, 1_000_000);
      pass(9_999);
      progress.advance(large, 10_000_000);
      pass(1);
      progress.advance(large, 20_000_000);
      pass(5_000);
      progress.advance(other, 6_000_000);
      pass(5_000);
      progress.advance(small, 500);
      progress.advance(other, 30_000_000);
      progress.finish(large, 'sent');
      pass(10_000);
      progress.advance(other, 60_000_000);
      progress.erase();
    });
    assert.equal(
      output,
      `note: sending  sha256:${'a'.repeat(12)}…  20.0 of 40.0 MB, 50 %\n` +
        'note: sending  2 blobs  50.0 of 100.0 MB, 50 %\n' +
        `note: sending  sha256:${'b'.repeat(12)}…  60.0 of 60.0 MB, 100 %\n`,
    );
  });

  it('prints nothing with --quiet', (t) => {
    reporting.verbosity = 'quiet';
    t.after(() => {
      reporting.verbosity = 'normal';
    });
    const output = written(t, (pass) => {
      const progress = new TransferProgress();
      pass(20_000);
      progress.advance(blob('a', 40_000_000), 1_000_000);
    });
    assert.equal(output, '');
  });
});
