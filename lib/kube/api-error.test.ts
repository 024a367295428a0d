import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ApiError,
  apiErrorOf,
  apiErrorOfEvent,
  isExpired,
  isInEndingNamespace,
  isNotFound,
  isOutage,
  isUnauthorized,
  retryAfterOf,
} from './api-error.ts';

const status = (fields: object) => JSON.stringify({ kind: 'Status', message: 'the message', ...fields });

describe('apiErrorOf', () => {
  it('has the kind of the status and the message of the API server', () => {
    for (const [code, kind] of [
      [400, 'InvalidInput'],
      [401, 'Unauthenticated'],
      [403, 'NotAllowed'],
      [404, 'NotFound'],
      [409, 'Conflict'],
      [410, 'Conflict'],
      [413, 'LimitExceeded'],
      [422, 'InvalidInput'],
      [429, 'Unavailable'],
      [500, 'Unavailable'],
      [302, 'Unavailable'],
    ] as const) {
      const error = apiErrorOf('host', code, status({ reason: 'Some' }), undefined);
      assert.deepEqual([error.kind, error.status, error.reason], [kind, code, 'Some']);
      assert.equal(error.message, `host answers ${code}: "the message"`);
    }
  });

  it('quotes what another server answers, and takes nothing of it as fact', () => {
    for (const body of ['<html>', 'null', '[]', '{"kind":"Status"}', '{"kind":"Pod","message":"x"}', '']) {
      const error = apiErrorOf('host', 502, body, undefined);
      assert.deepEqual([error.kind, error.reason], ['Unavailable', '']);
      assert.equal(error.message, `host answers 502: ${JSON.stringify(body)}`);
    }
  });

  it('reads how long to wait, at most five minutes', () => {
    const waits: [string | undefined, number | undefined][] = [
      ['1', 1000],
      ['0', 0],
      ['999999999', 300_000],
      ['9999999999', undefined],
      ['-1', undefined],
      ['1.5', undefined],
      ['Fri, 31 Dec 1999 23:59:59 GMT', undefined],
      [undefined, undefined],
    ];
    for (const [header, ms] of waits) assert.equal(retryAfterOf(apiErrorOf('host', 429, '', header)), ms, header);
    assert.equal(retryAfterOf(new Error('x')), undefined);
  });
});

describe('isUnauthorized', () => {
  it('recognizes a right that is missing, and nothing else that is forbidden', () => {
    const user = 'User "system:serviceaccount:fairlead-system:fairlead-operator"';
    const forbidden = (message: string) =>
      isUnauthorized(apiErrorOf('host', 403, status({ message, reason: 'Forbidden' }), undefined));
    assert.ok(forbidden(`pods is forbidden: ${user} cannot list resource "pods" in API group "" at the cluster scope`));
    assert.ok(forbidden(`forbidden: ${user} cannot get path "/version"`));
    for (const other of [
      'events "x" is forbidden: unable to create new content in namespace web because it is being terminated',
      'profileartifacts.fairlead.dev "x" is forbidden: exceeded quota: few, requested: count/profileartifacts=1',
      'admission webhook "x.example.com" denied the request: no',
    ]) {
      assert.ok(!forbidden(other), other);
    }
    assert.ok(!isUnauthorized(apiErrorOf('host', 403, '<html>', undefined)));
  });
});

describe('isExpired', () => {
  it('recognizes versions that are too old, and those of another time', () => {
    const tooLarge = { reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } };
    assert.ok(isExpired(apiErrorOf('host', 410, status({ reason: 'Expired' }), undefined)));
    assert.ok(isExpired(apiErrorOf('host', 504, status(tooLarge), '1')));
    assert.ok(isExpired(apiErrorOfEvent({ kind: 'Status', message: 'too old resource version', code: 410 })));
    for (const other of [
      apiErrorOf('host', 504, status({ reason: 'Timeout' }), undefined),
      apiErrorOf('host', 429, status({ details: { causes: null } }), undefined),
      apiErrorOfEvent({ message: 'no Status' }),
      new Error('410'),
      undefined,
    ]) {
      assert.ok(!isExpired(other), String(other));
    }
  });
});

describe('isOutage', () => {
  it('is true if the API server did not answer or could not', () => {
    for (const [code, outage] of [
      [0, true],
      [429, true],
      [500, true],
      [503, true],
      [409, false],
      [422, false],
    ] as const) {
      assert.equal(isOutage(new ApiError('x', { status: code, reason: '' })), outage, `${code}`);
    }
    assert.ok(!isOutage(new Error('x')));
  });

  it('is true if the resource is not served, and not if an object does not exist', () => {
    for (const [body, unserved] of [
      ['404 page not found\n', true],
      ['', true],
      [status({ reason: 'NotFound' }), false],
    ] as const) {
      const error = apiErrorOf('host', 404, body, undefined);
      assert.deepEqual([isOutage(error), isNotFound(error)], [unserved, !unserved], body);
    }
    assert.ok(!isNotFound(apiErrorOf('host', 409, status({ reason: 'NotFound' }), undefined)));
    assert.ok(!isNotFound(undefined));
  });
});

describe('isInEndingNamespace', () => {
  it('recognizes the refusal of an object in a namespace that is being deleted, and no other', () => {
    const causes = [{ reason: 'NamespaceTerminating', message: 'namespace web is being terminated' }];
    const refused = apiErrorOf('host', 403, status({ reason: 'Forbidden', details: { causes } }), undefined);
    assert.ok(isInEndingNamespace(refused));
    assert.equal(refused.kind, 'NotAllowed');
    assert.ok(!isInEndingNamespace(apiErrorOf('host', 403, status({ reason: 'Forbidden' }), undefined)));
  });
});
