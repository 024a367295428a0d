import { placesIn } from './json/places.ts';
import { type JsonDocument, readJson } from './json/read-json.ts';
import type { ProfilePlaces } from './place.ts';
import { profileLimits } from './read-profile.ts';

/**
 * Returns the JSON pointers at which a text may have what its profile has at a pointer, the most
 * likely first.
 */
export type Written = (pointer: string) => readonly string[];

/**
 * Returns the places of a profile's parts in its text. It is read again when places are asked for:
 * most profiles have no findings, and need none.
 */
export function placesInText(read: () => JsonDocument, written: Written): ProfilePlaces {
  const places = (wanted: readonly (readonly string[])[]) => (wanted.length === 0 ? [] : placesIn(read(), wanted));
  return {
    ofProfile: (pointers) => places(pointers.map(written)),
    ofText: (pointers) => places(pointers.map((pointer) => [pointer])),
  };
}

/**
 * Returns the places of a profile's parts in the bytes that readProfile read it from. It keeps none
 * itself: nodes need none.
 */
export function placesInRuntimeForm(bytes: Uint8Array, source: string): ProfilePlaces {
  return placesInText(() => readJson(bytes, source, profileLimits), asRuntimes);
}

/** In the form of runtimes, the profile is what is written. */
export function asRuntimes(pointer: string): readonly string[] {
  return [pointer];
}

/** In a custom resource of SELinux, pointers are into the resource. */
export function asSelinuxResource(pointer: string): readonly string[] {
  return pointer === '/spec/mode' ? [pointer, '/spec/permissive'] : [pointer];
}

/** In a custom resource of seccomp, the profile is below `spec`. */
export function asSeccompResource(pointer: string): readonly string[] {
  return [pointer === '' ? '' : `/spec${pointer}`];
}

/** In a custom resource of AppArmor, the profile is in `spec.abstract`, and its mode in `spec`. */
export function asAppArmorResource(pointer: string): readonly string[] {
  if (pointer === '/mode') return ['/spec/mode', '/spec/complainMode'];
  return [pointer === '' ? '' : `/spec/abstract${pointer}`];
}

/**
 * Returns how pointers are written in the form of Docker and Podman.
 *
 * @param entries for each entry of the profile, its number in the text.
 */
export function asDocker(entries: readonly number[]): Written {
  return (pointer) => {
    const [, place = '', rest = ''] = /^\/syscalls\/([0-9]+)(.*)$/.exec(pointer) ?? [];
    const entry = entries[Number(place)];
    if (place !== '' && entry !== undefined) {
      const written = `/syscalls/${entry}${rest}`;
      // Entries of the old form have one name.
      return rest === '/names/0' ? [written, `/syscalls/${entry}/name`] : [written];
    }
    return pointer === '/architectures' ? [pointer, '/archMap'] : [pointer];
  };
}
