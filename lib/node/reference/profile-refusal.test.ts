import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorStatus } from '#lib/cri/grpc-status';
import { FairleadError } from '#lib/errors';
import { parsePinned } from '#lib/registry/pinned-reference';
import { profileRefusal, readProfileRefusal } from './profile-refusal.ts';

const name = `registry.example.com/security/nginx@sha256:${'ab'.repeat(32)}`;
const reference = parsePinned(name);

describe('the refusal of a profile by a node', () => {
  it('states that a security profile is refused, of which container, and why', () => {
    const cause = new FairleadError('SignatureInvalid', 'it is not signed', { hint: 'Sign it.' });
    const refusal = profileRefusal(cause, { reference, container: 'app' });
    assert.deepEqual([refusal.kind, refusal.hint, refusal.cause], ['SignatureInvalid', 'Sign it.', cause]);
    assert.equal(
      refusal.message,
      `Fairlead refuses the security profile ${name} of container "app": SignatureInvalid: it is not signed`,
    );
    const ofSandbox = profileRefusal(cause, { reference }).message;
    assert.match(ofSandbox, /^Fairlead refuses the security profile \S+ of the pod sandbox: /);
    const unread = profileRefusal(new FairleadError('InvalidInput', 'not pinned'), { container: 'app' }).message;
    assert.equal(unread, 'Fairlead refuses the security profile of container "app": InvalidInput: not pinned');
  });

  it('keeps what decides on the status of the call', () => {
    const details = ['one', 'two'];
    const cause = new FairleadError('Unavailable', 'out of files', { local: true, details, pointer: '/x' });
    const refusal = profileRefusal(cause, { reference });
    assert.deepEqual([refusal.local, refusal.details, refusal.pointer], [true, details, '/x']);
  });

  it('is read from the text of a kubelet, behind the prefixes of CRI and gRPC', () => {
    const error = new FairleadError('SignatureInvalid', 'it is not\nsigned', { hint: 'Sign it.' });
    const { message } = errorStatus(profileRefusal(error, { reference, container: 'a"b' }));
    assert.match(message, /^SignatureValidationFailed: Fairlead refuses /);
    const text = `Failed to create pod sandbox: rpc error: code = FailedPrecondition desc = ${message}`;
    const reason = 'it is not\\u{a}signed (Sign it.)';
    assert.deepEqual(readProfileRefusal(text), { reference: name, kind: 'SignatureInvalid', reason });
  });

  it('is read of the pod sandbox, and from the first refusal of a text only', () => {
    const other = profileRefusal(new FairleadError('NotAllowed', 'b'), { reference }).message;
    const { message } = profileRefusal(new FairleadError('NotFound', other), { reference });
    assert.equal(readProfileRefusal(message)?.kind, 'NotFound');
  });

  it('is not read from other texts', () => {
    const refuses = 'Fairlead refuses the security profile';
    for (const text of [
      '',
      'Failed to pull image',
      `${refuses} of container "app": InvalidInput: not pinned`,
      `${refuses} ${name} of container "app": Unknown: x`,
      `${refuses} ${name} of container "app": constructor: x`,
      `${refuses} ${name.slice(0, -1)} of container "app": NotFound: x`,
      `${refuses} ${name}a of container "app": NotFound: x`,
      `${refuses} https://${name} of container "app": NotFound: x`,
      `${refuses} nginx:latest of container "app": NotFound: x`,
      `${' '.repeat(100_000)}${refuses} ${name} of container "app": NotFound: x`,
    ]) {
      assert.equal(readProfileRefusal(text), undefined, text.slice(0, 200));
    }
  });

  it('is read with a bounded reason, without control characters', () => {
    const start = `Fairlead refuses the security profile ${name} of the pod sandbox: NotFound: `;
    const { reason = '' } = readProfileRefusal(`${start}\u001b[31m\u202e${'x'.repeat(100_000)}`) ?? {};
    assert.ok(reason.length < 1100, String(reason.length));
    assert.ok(reason.startsWith('\\u{1b}[31m\\u{202e}xxx'), reason.slice(0, 30));
  });

  it('is read in time that grows with its length only', () => {
    const begun = performance.now();
    const text = `Fairlead refuses the security profile ${'a'.repeat(4000)}@`.repeat(2000);
    assert.equal(readProfileRefusal(text), undefined);
    assert.ok(performance.now() - begun < 1000);
  });
});
