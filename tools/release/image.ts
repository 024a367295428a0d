import { createReadStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Descriptor, mediaTypes, type Platform } from '#lib/registry/descriptor';
import { tagAnnotation } from '#lib/registry/layout/repository';
import type { Repository } from '#lib/registry/target';
import { authoritiesFile, baseFiles, nonroot } from './image/base-files.ts';
import { type Layer, writeLayer } from './image/layer.ts';
import { archiveLayout, pushJson } from './oci-archive.ts';
import { type Architecture, architectures, type Release, type TreeFile } from './release.ts';

/** What an image is made of, in addition to its base. */
export interface ImageContent {
  /** The executable of each architecture. */
  readonly programs: Readonly<Record<Architecture, string>>;
  /** Files that belong to the program, such as its licenses. */
  readonly files: readonly TreeFile[];
}

/** What package.json specifies about the program. */
interface Metadata {
  readonly name: string;
  readonly description: string;
  readonly license: string;
  readonly repository?: { readonly url: string };
}

const metadata: Metadata = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** How Docker names the platform of each architecture. */
const platforms: Readonly<Record<Architecture, Platform & { readonly architecture: 'amd64' | 'arm64' }>> = {
  x64: { architecture: 'amd64', os: 'linux' },
  arm64: { architecture: 'arm64', os: 'linux', variant: 'v8' },
};

const configType = 'application/vnd.oci.image.config.v1+json';

/**
 * Builds the container image for both architectures, and writes it as an OCI archive
 * (`fairlead-image.tar`) whose only entry is the index, tagged with the version. Returns the path
 * of the archive.
 */
export async function buildImage(release: Release, content: ImageContent): Promise<string> {
  const { repository, save } = archiveLayout(release, 'fairlead-image');
  const manifests = await Promise.all(
    architectures.map(async (architecture) => {
      const manifest = await buildPlatform(release, content, architecture, repository);
      return { ...manifest, platform: platforms[architecture] };
    }),
  );
  const annotations = annotationsOf(release);
  const { index: mediaType } = mediaTypes;
  const index = await pushJson(repository, mediaType, { schemaVersion: 2, mediaType, manifests, annotations });
  return await save({
    ...index,
    annotations: {
      [tagAnnotation]: release.version,
      // What containerd, Docker and Podman name the image that they load. Podman does the same for
      // images that were built on the machine.
      'io.containerd.image.name': `localhost/${metadata.name}:${release.version}`,
    },
  });
}

/** Builds the image of one platform; returns the descriptor of its manifest. */
async function buildPlatform(
  release: Release,
  content: ImageContent,
  architecture: Architecture,
  repository: Repository,
): Promise<Descriptor> {
  const platform = platforms[architecture];
  const work = join(release.work, `image-${architecture}`);
  await mkdir(work);
  const program = content.programs[architecture];
  const base = await baseFiles(program, platform.architecture, work);
  const layers = [
    await writeLayer(base, release.epoch, join(work, 'base.tar.gz')),
    await writeLayer(
      [...content.files, { path: 'usr/bin/fairlead', mode: 0o755, source: program }],
      release.epoch,
      join(work, 'program.tar.gz'),
    ),
  ];
  for (const { descriptor, file } of layers) await repository.push(descriptor, async () => createReadStream(file));
  return pushJson(repository, mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await pushJson(repository, configType, configOf(release, platform, layers)),
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: annotationsOf(release),
  });
}

/** Returns the configuration of an image (image-spec, config.md). */
function configOf(release: Release, platform: Platform, layers: readonly Layer[]): object {
  const created = timeOf(release);
  return {
    created,
    ...platform,
    config: {
      User: `${nonroot}:${nonroot}`,
      Env: [
        'PATH=/usr/local/bin:/usr/bin:/bin',
        'HOME=/home/nonroot',
        `SSL_CERT_FILE=${authoritiesFile}`,
        'NODE_USE_SYSTEM_CA=1',
      ],
      Entrypoint: ['/usr/bin/fairlead'],
      WorkingDir: '/home/nonroot',
      Labels: annotationsOf(release),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [
      { created, created_by: 'tools/release/image.ts', comment: 'libraries and certificates of Debian' },
      { created, created_by: 'tools/release/image.ts', comment: `${metadata.name} ${release.version}` },
    ],
  };
}

/** Returns the annotations of image-spec, annotations.md. */
export function annotationsOf(release: Release): Record<string, string> {
  const { name, description, license, repository } = metadata;
  const source = repository?.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const values = {
    created: timeOf(release),
    title: name,
    description,
    licenses: license,
    revision: release.commit,
    version: release.version,
    ...(source === undefined ? {} : { source }),
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`org.opencontainers.image.${key}`, value]));
}

function timeOf({ epoch }: Release): string {
  return new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
}
