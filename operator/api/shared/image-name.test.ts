import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesRepository } from '#lib/trust/policy/match';
import { formatImageName, matchesImage, parseImageName } from './image-name.ts';
import { parseImagePattern } from './image-pattern.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

/** As `crictl pull` and kubelets complete them. */
const names: readonly [string, string | undefined][] = [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['acme/nginx', 'docker.io/acme/nginx:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['docker.io/library/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/acme/nginx:1', 'docker.io/acme/nginx:1'],
  ['registry-1.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
  ['ghcr.io/acme/nginx', 'ghcr.io/acme/nginx:latest'],
  ['GHCR.io/acme/nginx:V1', 'ghcr.io/acme/nginx:V1'],
  ['ghcr.io:443/acme/nginx', 'ghcr.io/acme/nginx:latest'],
  ['localhost/nginx', 'localhost/nginx:latest'],
  ['localhost:5000/nginx', 'localhost:5000/nginx:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000'],
  ['registry:5000/a/b/c:d', 'registry:5000/a/b/c:d'],
  ['[::1]:5000/nginx', '[::1]:5000/nginx:latest'],
  ['a.b/c', 'a.b/c:latest'],
  [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
  [`nginx:1.27@${digest}`, `docker.io/library/nginx:1.27@${digest}`],
  ['', undefined],
  ['Nginx', undefined],
  ['nginx:', undefined],
  ['nginx:a:b', undefined],
  ['nginx@sha256:ab', undefined],
  [`nginx@${digest}@${digest}`, undefined],
  ['ghcr.io/', undefined],
  ['https://ghcr.io/acme/nginx', undefined],
  [' nginx', undefined],
  ['acme//nginx', undefined],
];

describe('the image of a container', () => {
  for (const [text, expected] of names) {
    it(`${JSON.stringify(text)} is ${expected ?? 'not the name of an image'}`, () => {
      const name = parseImageName(text);
      assert.equal(name && formatImageName(name), expected);
    });
  }
});

describe('a pattern of images', () => {
  const matching: readonly [string, string, boolean][] = [
    ['docker.io/library/nginx', 'nginx:1.27', true],
    ['docker.io/library/nginx', `nginx@${digest}`, true],
    ['docker.io/library/nginx:1.27', 'nginx:1.27', true],
    ['docker.io/library/nginx:1.27', 'nginx:1.27.1', false],
    ['docker.io/library/nginx:1.27', `nginx:1.27@${digest}`, true],
    ['docker.io/library/nginx:1.27', `nginx@${digest}`, false],
    ['docker.io/library/nginx:latest', 'nginx', true],
    ['docker.io/library/nginx:1.*', 'nginx:1.27', true],
    ['docker.io/library/nginx:1.*-alpine', 'nginx:1.27-alpine', true],
    ['docker.io/library/nginx:1.*-alpine', 'nginx:1-alpine', false],
    ['docker.io/library/nginx:*a*a', 'nginx:a', false],
    ['docker.io/library/nginx:*a*a', 'nginx:aa', true],
    [`docker.io/library/nginx@${digest}`, `nginx:1@${digest}`, true],
    [`docker.io/library/nginx@${digest}`, 'nginx:1', false],
    ['ghcr.io/acme/*', 'ghcr.io/acme/web', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/web/api', false],
    ['ghcr.io/acme/**', 'ghcr.io/acme/web/api', true],
    ['ghcr.io/acme/**', 'ghcr.io/acmes/web', false],
    ['localhost:5000/**', 'localhost:5000/web', true],
    ['**', 'nginx', true],
    ['index.docker.io/library/nginx', 'nginx', true],
  ];
  for (const [pattern, image, expected] of matching) {
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${image}`, () => {
      const name = parseImageName(image);
      assert.ok(name !== undefined);
      assert.equal(matchesImage(parseImagePattern(pattern), name), expected);
    });
  }

  it('without wildcards matches what it matches as a pattern of a trust policy', () => {
    const registry = fc.constantFrom(
      'docker.io',
      'index.docker.io',
      'GHCR.io',
      'ghcr.io:443',
      'localhost:5000',
      '[::1]:5000',
    );
    const path = fc.constantFrom('library/nginx', 'acme/nginx', 'acme/nginx/a', 'nginx');
    const text = fc.tuple(registry, path).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(text, text, (pattern, image) => {
        const name = parseImageName(image);
        assert.ok(name !== undefined);
        const { repository } = name;
        assert.equal(matchesImage(parseImagePattern(pattern), name), matchesRepository(pattern, repository));
      }),
    );
  });
});
