import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FairleadError, toFairleadError } from '#lib/errors';
import { errorStatus, grpcCodes } from './grpc-status.ts';
import { runtimeCaller } from './runtime-call.ts';

const thrownBy = (action: Promise<unknown>): Promise<FairleadError> =>
  action.then(
    () => assert.fail('it did not fail'),
    (thrown: unknown) => toFairleadError(thrown),
  );

describe('a status that the shim answers with', () => {
  it('blames the registry for what a registry did', () => {
    const { code, message } = errorStatus(new FairleadError('Unavailable', 'r.example.com: 503'));
    assert.equal(code, grpcCodes.unavailable);
    assert.equal(message, 'RegistryUnavailable: r.example.com: 503');
  });

  it('does not blame the registry for a runtime that is not there', async () => {
    const call = runtimeCaller('/nonexistent/runtime.sock');
    const error = await thrownBy(call('runtime.v1.RuntimeService/Version', Buffer.alloc(0), AbortSignal.timeout(5000)));
    const { code, message } = errorStatus(error);
    assert.equal(code, grpcCodes.unavailable);
    assert.match(message, /^the container runtime did not answer runtime\.v1\.RuntimeService\/Version/);
  });

  it('is UNAVAILABLE, of no registry and no profile, where too many files are open', () => {
    const script = `
      import { openSync } from 'node:fs';
      import { errorStatus } from '#lib/cri/grpc-status';
      import { readBaseProfile } from '#cri-shim/apply/base-profile';
      import { baseSpecCapabilities } from '#cri-shim/baseline/base-spec-capabilities';
      import { writeDurably } from '#lib/node/store/durable-file';
      import { toFairleadError } from '#lib/errors';
      try {
        for (;;) openSync('/dev/null');
      } catch (error) {
        if (error.code !== 'EMFILE') throw error;
      }
      const attempts = [
        () => readBaseProfile('/etc/hostname'),
        () => baseSpecCapabilities('/etc/hostname'),
        () => writeDurably('/tmp/fairlead-never', Buffer.alloc(1), { temporaryDirectory: '/tmp', mode: 0o600 }),
      ];
      for (const attempt of attempts) {
        await attempt().then(() => console.log('done'), (error) => console.log(JSON.stringify(errorStatus(toFairleadError(error)))));
      }`;
    const shell = 'ulimit -n 100; exec "$0" --input-type=module-typescript -e "$1"';
    const lines = execFileSync('bash', ['-c', shell, process.execPath, script], {
      cwd: join(import.meta.dirname, '../..'),
    });
    const statuses = lines.toString().trim().split('\n');
    assert.equal(statuses.length, 3);
    for (const line of statuses) {
      const { code, message } = JSON.parse(line);
      assert.equal(code, grpcCodes.unavailable, line);
      assert.match(message, /^EMFILE: too many open files, .*LimitNOFILE=/);
    }
  });
});
