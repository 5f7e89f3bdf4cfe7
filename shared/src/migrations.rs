//! The migrations of a database, compiled in: a build script lists their files. sqlx has a macro for this, which
//! builds a second sqlx, SQLite and TLS for the compiler's own use; nothing else of ours needs its macros.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Of files by name and text. A name is `NUMBER_what_it_does`.
pub fn migrator(files: &[(&str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(name, text)| {
        let (number, what) = name.split_once('_').expect("a migration is named NUMBER_what_it_does");
        let version = number.parse().expect("a migration's name begins with its number");
        let (what, text) = (what.replace('_', " "), SqlStr::from_static(text));
        Migration::new(version, what.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Panics unless a migrator has exactly the files of a folder; for the tests of those who have migrations.
pub fn assert_whole(migrator: &Migrator, folder: &str) {
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("its entries can be read").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let named = migrator
        .iter()
        .map(|migration| format!("{:04}_{}.sql", migration.version, migration.description.replace(' ', "_")));
    assert_eq!(named.collect::<Vec<_>>(), files);
}
