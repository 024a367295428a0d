import { describeMigrations } from '#test/support/apis/storage-migration';

describeMigrations(250);
