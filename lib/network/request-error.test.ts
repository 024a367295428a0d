import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestError } from './request-error.ts';

const request = { method: 'PUT', url: new URL('https://registry.example.com/v2/a/manifests/v1') };

describe('a certificate that does not do', () => {
  const hints: [string, RegExp][] = [
    ['CERT_HAS_EXPIRED', /clock/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /host name/],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      /certs\.d\/registry\.example\.com\/ca\.crt.*NODE_EXTRA_CA_CERTS.*NODE_USE_SYSTEM_CA=1/,
    ],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /certs\.d/],
  ];
  for (const [code, hint] of hints) {
    it(`is reported with the next step: ${code}`, () => {
      const error = requestError(request, Object.assign(new Error('no'), { code }));
      assert.equal(error.kind, 'Unavailable');
      assert.match(error.hint ?? '', hint);
      assert.equal(error.local, true, 'it is not the registry that is out of reach');
    });
  }

  it('is not confused with a registry that is out of reach', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']) {
      assert.equal(requestError(request, Object.assign(new Error('no'), { code })).local ?? false, false, code);
    }
  });
});
