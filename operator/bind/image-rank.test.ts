import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesRepository, matchesSegment, type StepBudget } from '#lib/trust/policy/match';
import { type ImageName, parseImageName } from '../api/shared/image-name.ts';
import { type ImagePattern, imagePatternProblem, parseImagePattern } from '../api/shared/image-pattern.ts';
import { imageRank } from './image-rank.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

const matchesImage = (pattern: ImagePattern, name: ImageName): boolean =>
  imageRank([pattern], name, { steps: Number.POSITIVE_INFINITY }) !== undefined;

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

  const segment = fc.constantFrom('a', 'b', 'ab', 'aab');
  const version = (tag: string) => fc.constantFrom('', ':1', tag, `@${digest}`);
  const hosts = fc.constantFrom('a.b', 'docker.io', 'index.docker.io', 'localhost:5000');
  const images = fc
    .tuple(hosts, fc.array(segment, { minLength: 1, maxLength: 5 }), version(':12'))
    .map(([host, path, end]) => `${[host, ...path].join('/')}${end}`);
  const wildcard = fc.oneof(segment, fc.constantFrom('**', '*', 'a*', '*b', '*a*b'));
  const patterns = fc
    .tuple(
      fc.oneof(hosts, fc.constantFrom('**', '*', '*.b', '*.docker.io', 'localhost:*')),
      fc.array(wildcard, { minLength: 1, maxLength: 5 }),
      version(':1*'),
    )
    .map(([host, path, end]) => `${[host, ...path].join('/')}${end}`)
    .filter((text) => imagePatternProblem(text) === undefined);
  /** By each pattern on its own, without what is known before. */
  const naiveRank = (texts: readonly string[], { repository, tag, digest: of }: ImageName): number | undefined => {
    const ranks = texts.map(parseImagePattern).flatMap((pattern) => {
      if (pattern.digest !== undefined && pattern.digest !== of) return [];
      if (pattern.tag !== undefined && (tag === undefined || !matchesSegment(pattern.tag, tag))) return [];
      if (!matchesRepository(pattern.repository, repository)) return [];
      if (pattern.digest !== undefined) return [6];
      if (pattern.tag !== undefined) return [pattern.tag.includes('*') ? 4 : 5];
      return [pattern.repository.includes('*') ? 2 : 3];
    });
    return ranks.length === 0 ? undefined : Math.max(...ranks);
  };

  it('ranks an image as the most specific of the patterns that match it alone', () => {
    let matched = 0;
    fc.assert(
      fc.property(fc.array(patterns, { minLength: 1, maxLength: 8 }), images, (texts, image) => {
        const name = parseImageName(image);
        assert.ok(name !== undefined);
        const rank = imageRank(texts.map(parseImagePattern), name, { steps: Number.POSITIVE_INFINITY });
        assert.equal(rank, naiveRank(texts, name));
        if (rank !== undefined) matched += 1;
      }),
      { numRuns: 3000 },
    );
    assert.ok(matched > 300, `${matched}`);
  });

  const hostile = Array.from({ length: 64 }, (_, index) => parseImagePattern(`**/${'a/'.repeat(110)}x${index}/**`));
  const deep = (): ImageName => {
    const name = parseImageName(`a.b/${'a/'.repeat(118)}a`);
    assert.ok(name !== undefined);
    return name;
  };

  it('takes the same steps for an image that is compared again', () => {
    const [first, again]: StepBudget[] = [{ steps: 1e9 }, { steps: 1e9 }];
    assert.ok(first !== undefined && again !== undefined);
    imageRank(hostile, deep(), first);
    imageRank(hostile, deep(), again);
    assert.ok(first.steps < 1e9 - 1000, `${first.steps}`);
    assert.equal(again.steps, first.steps);
  });

  it('ends when the budget is used up', () => {
    const budget = { steps: 1000 };
    assert.equal(imageRank([...hostile], deep(), budget), undefined);
    assert.ok(budget.steps < 0 && budget.steps > -1000, `${budget.steps}`);
  });
});
