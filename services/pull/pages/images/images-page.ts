import type { FacetCount } from '#lib/catalog/search-query';
import { valuesPager } from '../catalog/filter-page.ts';
import { filterList } from '../components/filter-group.ts';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { counted } from '../components/words.ts';
import { imagePath, withQuery } from '../site/addresses.ts';
import { layout } from '../site/layout.ts';
import type { Site } from '../site/site.ts';

export interface ImagesPage {
  readonly site: Site;
  /** What the names of images must contain; may be empty. */
  readonly text: string;
  /** The images that contain it, with the number of profiles that are made for each. */
  readonly images: readonly FacetCount[];
  /** The position of the first that is shown. */
  readonly from: number;
}

/** Images on one page. */
const pageSize = 300;

/** Returns the list of images that profiles of the catalog are made for. */
export function imagesPage({ site, text, images, from }: ImagesPage): Html {
  const shown = images.slice(from, from + pageSize);
  const links = shown.map(({ value, count }) => ({
    label: publisher(value),
    count,
    href: imagePath(value),
    set: false,
  }));
  const list =
    links.length === 0
      ? html`<p class="lead">${text === '' ? 'No profile of the catalog names an image.' : 'No profile of the catalog names such an image.'}</p>`
      : html`<h2 class="list-title">${counted(images.length, 'image')}</h2><div class="values filter">${filterList(links)}</div>`;
  const main = html`<h1>Images</h1>
<p class="lead">Container images that profiles are made for, as their publishers state it, with the number of profiles. The page of an image also
asks its registry for profiles that are attached to it.</p>
<form class="search" action="/images"><label class="hidden" for="image">Image</label><input id="image" name="q" type="search" value="${text}"
placeholder="Part of the name of an image" maxlength="200"><button class="primary">Find</button></form>
${list}${asReference(text, images)}${valuesPager({ path: withQuery('/images', { q: text }), total: images.length, from, shown: shown.length })}`;
  return layout(site, { title: 'Images', section: 'images' }, main);
}

/** Returns the link to the page of an image that is not in the list. */
function asReference(text: string, images: readonly FacetCount[]): Html | false {
  if (!/^[\w.-]+(?::\d+)?(?:\/[\w.-]+)+(?::[\w.-]+)?$/.test(text) || images.some(({ value }) => value === text))
    return false;
  return html`<p class="list-title"><a href="${imagePath(text)}">Ask the registry about ${text}</a></p>`;
}
