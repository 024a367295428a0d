import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { mediaTypes } from '#lib/registry/descriptor';
import { tagAnnotation } from '#lib/registry/layout/repository';
import { type Layer, writeLayer } from './image/layer.ts';
import { annotationsOf } from './image.ts';
import { archiveLayout, pushJson } from './oci-archive.ts';
import type { Release } from './release.ts';

const source = join(import.meta.dirname, '../../deploy/chart/fairlead');

/** Media types of charts in registries, as Helm writes and reads them. */
const configType = 'application/vnd.cncf.helm.config.v1+json';
const contentType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/**
 * Builds the chart for Helm, as a file (`fairlead-chart-VERSION.tgz`), and as an OCI archive for
 * registries (`fairlead-chart.tar`) whose only entry is tagged with the version. Helm's own names
 * of both would be that of the npm package.
 */
export async function buildChart(release: Release): Promise<void> {
  const chart = await packChart(release);
  const { repository, save } = archiveLayout(release, 'fairlead-chart');
  const layer = { ...chart.descriptor, mediaType: contentType };
  await repository.push(layer, async () => createReadStream(chart.file));
  // Helm reads the metadata from the chart itself; registries and scanners show this copy.
  const metadata = parse(readFileSync(join(source, 'Chart.yaml'), 'utf8')) as object;
  const manifest = await pushJson(repository, mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await pushJson(repository, configType, metadata),
    layers: [layer],
    annotations: annotationsOf(release),
  });
  await save({ ...manifest, annotations: { [tagAnnotation]: release.version } });
}

/** Packs the files of the chart into its own directory, as `helm package` does. */
async function packChart(release: Release): Promise<Layer> {
  const files = readdirSync(source, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const entries = files.map(({ parentPath, name }) => {
    const file = join(parentPath, name);
    return { path: `fairlead${file.slice(source.length)}`, mode: 0o644, source: file };
  });
  return await writeLayer(entries, release.epoch, join(release.directory, `fairlead-chart-${release.version}.tgz`));
}
