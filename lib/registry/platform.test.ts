import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPlatform, isPlatform, parsePlatform } from './platform.ts';

describe('a platform', () => {
  for (const text of ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7', 'windows/amd64', 'linux/mips64le']) {
    it(`is parsed and formatted: ${text}`, () => assert.equal(formatPlatform(parsePlatform(text)), text));
  }

  for (const text of ['', 'linux', 'amd64', 'linux/', '/amd64', 'linux/amd64/', 'linux/amd64/v1/x', 'Linux/AMD64']) {
    it(`is refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parsePlatform(text), { kind: 'InvalidInput', message: /want os\/architecture\[\/variant\]/ });
    });
  }

  const cases: readonly (readonly [platform: string, wanted: string, expected: boolean])[] = [
    ['linux/amd64', 'linux/amd64', true],
    ['linux/arm64', 'linux/amd64', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/arm/v7', 'linux/arm', true],
    ['linux/arm', 'linux/arm/v7', false],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v8', 'linux/arm64', true],
  ];
  for (const [platform, wanted, expected] of cases) {
    it(`${platform} is ${expected ? '' : 'not '}the wanted ${wanted}`, () => {
      assert.equal(isPlatform(parsePlatform(platform), parsePlatform(wanted)), expected);
    });
  }
});
