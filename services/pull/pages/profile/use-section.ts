import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import { formatReference } from '#lib/registry/reference';
import { copyBlock } from '../components/copy-block.ts';
import { type Html, html } from '../components/html.ts';
import { profilePath, withQuery } from '../site/addresses.ts';
import { containerName, deliveryBlocks } from './deliveries.ts';
import type { ProfileView } from './profile-view.ts';

/** Returns the section with a block to copy for each way to use a profile. */
export function useSection(
  { address, named }: ProfileView,
  { digest, kind }: { digest: Digest; kind: RuntimeKind },
): Html {
  const reference = { ...address, digest };
  const documents = `${profilePath(address, digest)}/-/`;
  const pods = deliveryBlocks({ reference, kind }).map(({ delivery, title, needs, without, text }) =>
    copyBlock({
      title,
      when: html`${needs} ${without}`,
      text,
      raw: withQuery(`${documents}pod.yaml`, { delivery }),
    }),
  );
  const file = `${containerName(reference)}.json`;
  const pull = `fairlead pull ${formatReference(reference)} --policy policy.yaml --file ${file}`;
  const kindOption = kind === 'Seccomp' ? '' : ` --kind ${kind.toLowerCase()}`;
  const command = copyBlock({
    title: 'Command line',
    when: 'verifies, then writes the profile',
    text: `${pull}${kindOption}`,
    raw: `${documents}profile.json`,
  });
  return html`<section class="block" id="use" aria-labelledby="use-title"><h2 id="use-title">Use it</h2>
<p class="lead">Each delivery names the artifact by digest${named === digest ? '' : ', not by its tag'}, so that what runs is what was read here.</p>${pods}${command}</section>`;
}
