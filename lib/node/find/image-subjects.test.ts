import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { parsePlatform } from '#lib/registry/platform';
import type { Target } from '#lib/registry/target';
import { imageSubjects } from './image-subjects.ts';

const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

describe('the manifests of an image', () => {
  let target: Target;
  beforeEach(() => {
    target = memoryRepository();
  });

  const put = async (mediaType: string, content: object | string): Promise<Descriptor> => {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await target.push(descriptor, bytes);
    return descriptor;
  };
  const imageWith = async (config: string, type: string = mediaTypes.manifest): Promise<Descriptor> => {
    const configType =
      type === dockerManifest
        ? 'application/vnd.docker.container.image.v1+json'
        : 'application/vnd.oci.image.config.v1+json';
    return put(type, { schemaVersion: 2, mediaType: type, config: await put(configType, config), layers: [] });
  };
  const indexOf = (manifests: readonly object[], type: string = mediaTypes.index): Promise<Descriptor> =>
    put(type, { schemaVersion: 2, mediaType: type, manifests });
  const subjects = (image: Descriptor, platform?: string) =>
    imageSubjects(target, image, {
      name: 'ghcr.io/acme/web:1',
      platform: platform === undefined ? undefined : parsePlatform(platform),
    });

  const arm = '{"os":"linux","architecture":"arm","variant":"v7"}';

  for (const type of [mediaTypes.manifest, dockerManifest]) {
    it(`are the image itself, with the platform of its config if one is wanted: ${type}`, async () => {
      const image = await imageWith(arm, type);
      assert.deepEqual(await subjects(image), [{ descriptor: image }]);
      const [subject, ...others] = await subjects(image, 'linux/arm');
      assert.deepEqual([subject?.platform, others], [{ os: 'linux', architecture: 'arm', variant: 'v7' }, []]);
      await assert.rejects(subjects(image, 'linux/amd64'), { kind: 'NotFound', hint: 'It is for linux/arm/v7.' });
    });
  }

  for (const type of [mediaTypes.index, dockerList]) {
    it(`are the index and its platforms: ${type}`, async () => {
      const child = await imageWith(arm);
      const platform = { os: 'linux', architecture: 'arm' };
      const image = await indexOf([{ ...child, platform }, child, { ...child, platform: { os: 'unknown' } }], type);
      assert.deepEqual(
        (await subjects(image)).map((each) => each.platform),
        [undefined, platform],
      );
    });
  }

  it('are refused if the index has too many, or the content is not an image', async () => {
    const child = await imageWith(arm);
    const many = Array.from({ length: 257 }, () => ({ ...child, platform: { os: 'linux', architecture: 'arm' } }));
    await assert.rejects(subjects(await indexOf(many)), { kind: 'LimitExceeded' });
    const layer = await put(mediaTypes.imageLayer, 'x');
    await assert.rejects(subjects(layer), { kind: 'InvalidInput', message: /web:1 is not an image: its media type/ });
  });

  it('of a config without a platform are not for the wanted one', async () => {
    for (const config of [
      '{}',
      '[]',
      'null',
      '"x"',
      '{"os":1,"architecture":"arm"}',
      '{"os":"","architecture":"arm"}',
    ]) {
      await assert.rejects(subjects(await imageWith(config), 'linux/arm'), {
        kind: 'NotFound',
        message: 'ghcr.io/acme/web:1 does not state its platform, such as linux/arm',
        hint: 'Leave out `platform` to find its profiles.',
      });
    }
    await assert.rejects(subjects(await imageWith('{'), 'linux/arm'), {
      kind: 'InvalidInput',
      message: /not valid JSON/,
    });
  });

  it('are not read from a config that claims to be large', async () => {
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(Buffer.from('x')),
      size: 2 ** 40,
    };
    const image = await put(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config,
      layers: [],
    });
    await assert.rejects(subjects(image, 'linux/arm'), { kind: 'LimitExceeded' });
  });
});
