import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refusePlainHttp } from './plain-http.ts';

describe('refusePlainHttp', () => {
  const rows: [string, string, boolean][] = [
    ['https://elsewhere.test/x', 'https://registry.test/v2/', true],
    ['http://registry.test/x', 'http://registry.test/v2/', true],
    ['http://localhost:1/x', 'http://127.0.0.1:5000/v2/', true],
    ['http://registry.test/x', 'https://registry.test/v2/', false],
    ['http://registry.test:5001/x', 'http://registry.test:5000/v2/', false],
    ['http://elsewhere.test/x', 'http://registry.test/v2/', false],
    ['http://127.0.0.1:1/x', 'https://registry.test/v2/', false],
    ['http://127.0.0.1:1/x', 'http://registry.test/v2/', false],
    ['ftp://registry.test/x', 'http://registry.test/v2/', false],
    ['data:,x', 'https://registry.test/v2/', false],
  ];
  for (const [url, registry, allowed] of rows) {
    it(`${allowed ? 'lets' : 'does not let'} ${registry} send us to ${url}`, () => {
      const check = () => refusePlainHttp(new URL(url), new URL(registry), 'GET x');
      if (allowed) check();
      else assert.throws(check, { kind: 'NotAllowed' });
    });
  }
});
