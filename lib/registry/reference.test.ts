import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { formatReference, formatRepository, parseReference, tagOrDigestOf } from './reference.ts';

const hex = 'a'.repeat(64);

describe('parseReference', () => {
  const good: [string, object][] = [
    ['ghcr.io/acme/nginx:1.27', { registry: 'ghcr.io', repository: 'acme/nginx', tag: '1.27' }],
    ['localhost/a', { registry: 'localhost', repository: 'a' }],
    ['localhost:5000/a/b__c/d-.e'.replace('-.', '-'), { registry: 'localhost:5000', repository: 'a/b__c/d-e' }],
    ['127.0.0.1:5000/a:_x', { registry: '127.0.0.1:5000', repository: 'a', tag: '_x' }],
    ['[::1]:5000/a@sha256:'.concat(hex), { registry: '[::1]:5000', repository: 'a', digest: `sha256:${hex}` }],
    ['[fd00::1]/a', { registry: '[fd00::1]', repository: 'a' }],
    [
      'host:5000/a:t@sha256:'.concat(hex),
      { registry: 'host:5000', repository: 'a', tag: 't', digest: `sha256:${hex}` },
    ],
    ['docker.io/nginx:1', { registry: 'docker.io', repository: 'nginx', tag: '1' }],
    [
      `q.io/a@sha384:${hex}${hex.slice(32)}`,
      { registry: 'q.io', repository: 'a', digest: `sha384:${hex}${hex.slice(32)}` },
    ],
    [`q.io/a@sha512:${hex}${hex}`, { registry: 'q.io', repository: 'a', digest: `sha512:${hex}${hex}` }],
  ];
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseReference(text), expected);
      assert.equal(formatReference(parseReference(text)), text);
    });
  }

  const bad: [string, RegExp, RegExp][] = [
    ['', /names no registry/, /Write registry/],
    ['nginx', /names no registry/, /docker\.io\/library\/nginx$/],
    ['nginx:1.27', /names no registry/, /docker\.io\/library\/nginx:1\.27$/],
    ['ghcr.io', /no repository in it/, /ghcr\.io\/repository:tag/],
    ['localhost:5000', /no repository in it/, /./],
    [`ghcr.io/${'A'.repeat(9000)}`, /^.{0,600}$/, /lower-case/],
    ['acme/nginx', /names no registry/, /docker\.io\/acme\/nginx$/],
    ['https://ghcr.io/a', /URL/, /scheme/],
    ['oci://ghcr.io/a:1', /URL/, /scheme/],
    // What a pod has in localhostProfile.
    [`oci/ghcr.io/a@sha256:${hex}`, /begins with oci\//, new RegExp(`write "ghcr\\.io/a@sha256:${hex}"\\.$`)],
    ['oci/localhost:5000/a:1', /begins with oci\//, /write "localhost:5000\/a:1"/],
    ['oci/a:1', /names no registry/, /docker\.io\/oci\/a:1$/],
    ['ghcr.io/acme/nginx@latest', /invalid digest "latest"/, /write "ghcr\.io\/acme\/nginx:latest"/],
    ['localhost:5000/nginx@stable', /invalid digest/, /write "localhost:5000\/nginx:stable"/],
    ['ghcr.io/acme/nginx:1@stable', /invalid digest/, /64 lower-case hex/],
    ['ghcr.io/acme/nginx@sha256', /invalid digest/, /64 lower-case hex/],
    [`ghcr.io/acme/nginx@${'a'.repeat(64)}`, /invalid digest/, /64 lower-case hex/],
    ['ghcr.io/acme/nginx:^1', /invalid tag "\^1"/, /"ghcr\.io\/acme\/nginx@\^1"/],
    ['localhost:5000/nginx:>=1 <3', /invalid tag/, /"localhost:5000\/nginx@>=1 <3"/],
    [`ghcr.io/a:^1@sha256:${hex}`, /invalid tag/, /at most 128/],
    ['ghcr.io/A', /invalid repository/, /lower-case/],
    ['ghcr.io/', /invalid repository/, /./],
    ['ghcr.io/a//b', /invalid repository/, /./],
    ['ghcr.io/a/', /invalid repository/, /./],
    ['ghcr.io/../a', /invalid repository/, /./],
    ['ghcr.io/a..b', /invalid repository/, /./],
    ['ghcr.io/a___b', /invalid repository/, /./],
    ['ghcr.io/a:', /invalid tag/, /./],
    ['ghcr.io/a:-x', /invalid tag/, /./],
    ['ghcr.io/a:b:c', /invalid tag/, /./],
    [`ghcr.io/a:${'t'.repeat(129)}`, /invalid tag/, /./],
    ['ghcr.io/a@', /invalid digest/, /./],
    ['ghcr.io/a@sha256:ABC', /invalid digest/, /./],
    [`ghcr.io/a@sha256:${hex.toUpperCase()}`, /invalid digest/, /./],
    [`ghcr.io/a@md5:${'a'.repeat(32)}`, /invalid digest/, /./],
    [`ghcr.io/a@sha256:${hex}@sha256:${hex}`, /invalid digest/, /./],
    ['user:pass@ghcr.io/a', /invalid digest/, /./],
    ['-bad.io/a', /invalid registry host/, /./],
    ['bad-.io/a', /invalid registry host/, /./],
    ['host:/a', /invalid registry host/, /./],
    ['host:99999/a', /invalid registry host/, /./],
    ['ho st.io/a', /invalid registry host/, /./],
    ['ghcr.io/a\n', /invalid repository/, /./],
    ['ghcr.io/a b', /invalid repository/, /./],
    [`ghcr.io/${'a'.repeat(248)}`, /longer than 255/, /./],
  ];
  for (const [text, message, hint] of bad) {
    it(`refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
      assert.throws(
        () => parseReference(text),
        (error) => {
          assert(error instanceof FairleadError);
          assert.equal(error.kind, 'InvalidInput');
          assert.match(error.message, message);
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
    });
  }

  it('accepts a name of exactly 255 characters', () => {
    const name = `ghcr.io/${'a'.repeat(247)}`;
    assert.equal(formatRepository(parseReference(`${name}:t`)), name);
  });

  it('inverts formatReference for every reference of the grammar', () => {
    const host = fc.oneof(
      fc.constantFrom('localhost', 'localhost:5000', '[::1]:5000', '127.0.0.1', 'docker.io'),
      fc.stringMatching(/^[a-z0-9]{1,8}(?:-[a-z0-9]{1,4})?\.[a-z]{2,6}(?::[1-9][0-9]{0,3})?$/),
    );
    const component = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}$/);
    const reference = fc.record(
      {
        registry: host,
        repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
        tag: fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/),
        digest: fc.stringMatching(/^sha256:[0-9a-f]{64}$/),
      },
      { requiredKeys: ['registry', 'repository'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(reference, (value) => {
        const text = formatReference(value as never);
        assert.deepEqual(parseReference(text), value);
      }),
    );
  });

  it('either refuses any text with InvalidInput or prints it back unchanged', () => {
    const piece = fc.constantFrom(
      'a',
      'A',
      '.',
      '/',
      ':',
      '@',
      '-',
      '_',
      '[',
      ']',
      'localhost',
      'sha256:',
      hex,
      '..',
      '\0',
      'é',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
        (text) => {
          try {
            assert.equal(formatReference(parseReference(text)), text);
          } catch (error) {
            assert(error instanceof FairleadError, String(error));
            assert.equal(error.kind, 'InvalidInput');
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes the digest before the tag', () => {
    assert.equal(tagOrDigestOf(parseReference(`ghcr.io/a:t@sha256:${hex}`)), `sha256:${hex}`);
    assert.equal(tagOrDigestOf(parseReference('ghcr.io/a:t')), 't');
    assert.throws(() => tagOrDigestOf(parseReference('ghcr.io/a')), /neither tag nor digest/);
  });
});
