import { withNextStep } from '#lib/text/sentence';
import type { Binding } from './binding.ts';
import { localhostProfileOf } from './bound-profile.ts';
import { type ResolvingContext, resolveProfile } from './resolve-profile.ts';

/** What a binding gives to new pods. Both are undefined if it depends on their images. */
export interface GivenProfile {
  /** The Localhost profile. */
  readonly profile?: string;
  /** Why it gives none, and the next step. */
  readonly problem?: string;
}

/** Returns what a binding gives to new pods, whatever their images are. */
export function givenProfile(binding: Binding, context: ResolvingContext): GivenProfile {
  if (binding.source.from === 'image') return {};
  const resolution = resolveProfile(binding, undefined, context);
  if ('profile' in resolution) return { profile: localhostProfileOf(resolution.profile) };
  return { problem: withNextStep(resolution.problem, resolution.hint) };
}
