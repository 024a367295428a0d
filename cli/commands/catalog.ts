import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { define as defineBuild } from './catalog-build.ts';
import { define as defineDiff } from './catalog-diff.ts';
import { define as defineFollow } from './catalog-follow.ts';
import { define as defineInfo } from './catalog-info.ts';
import { define as defineList } from './catalog-list.ts';
import { define as defineSearch } from './catalog-search.ts';

/** `fairlead catalog build|list|search|info|diff|follow`. */
export function define(command: Command): void {
  command
    .description(
      'Build, search and follow catalogs: signed indexes of the profiles in registries. The guide docs/guides/catalogs.md ' +
        'describes how to publish and configure them.',
    )
    .addHelpText(
      'after',
      examples([
        [
          'publish a catalog of the profiles below a path',
          'fairlead catalog build ghcr.io/acme/catalog:latest --prefix ghcr.io/acme/profiles/ --key fairlead.key',
        ],
        ['search the catalogs of the configuration', 'fairlead catalog search nginx'],
        ['show the versions of a profile', 'fairlead catalog info ghcr.io/acme/profiles/nginx'],
        ['report new versions, and what they permit', 'fairlead catalog follow --state seen.json'],
      ]),
    );
  defineBuild(command.command('build'));
  defineList(command.command('list'));
  defineSearch(command.command('search'));
  defineInfo(command.command('info'));
  defineDiff(command.command('diff'));
  defineFollow(command.command('follow'));
}
