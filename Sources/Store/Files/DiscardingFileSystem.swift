import Glibc

/// A file system that keeps nothing: for a run whose journal nobody will read again.
///
/// Directories are empty, no file exists that was not just created, and what is written to one is dropped.
package struct DiscardingFileSystem: FileSystem {
    package init() {}

    package func open(_ path: String, _ mode: FileMode) throws(FileError) -> any File {
        switch mode {
        case .create, .createOrKeep: return DiscardingFile(path: path)
        case .read, .update: throw FileError(.open, path, ENOENT)
        }
    }

    package func rename(_ from: String, to: String) throws(FileError) {}
    package func unlink(_ path: String) throws(FileError) {}
    package func list(_ directory: String) throws(FileError) -> [String] { [] }
    package func createDirectory(_ path: String) throws(FileError) {}
    package func syncDirectory(_ path: String) throws(FileError) {}
}

/// An empty file whatever is written to it.
private final class DiscardingFile: File {
    let path: String
    init(path: String) { self.path = path }

    func size() throws(FileError) -> Int64 { 0 }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int { 0 }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {}
    func truncate(to length: Int64) throws(FileError) {}
    func syncData() throws(FileError) {}
    func sync() throws(FileError) {}
    func tryLock() throws(FileError) -> Bool { true }
    func prefetch(at offset: Int64, count: Int) {}
}
