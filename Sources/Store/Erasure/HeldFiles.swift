import Synchronization

/// Files of databases in use, opened once for reading and never closed while this lives.
///
/// SQLite locks by `fcntl`, and a process that closes any descriptor of a file gives up all its locks on
/// it. Another process that then opened the database would take itself for the only one, and at its end
/// remove the write-ahead log under the daemon's hands.
package final class HeldFiles: Sendable {
    private let fileSystem: any FileSystem
    private let files = Mutex<[String: any File]>([:])

    package init(fileSystem: any FileSystem) { self.fileSystem = fileSystem }

    /// The file of a database, or of what belongs to one; nil for any other path.
    func file(_ path: String) throws(FileError) -> (any File)? {
        guard Self.belongsToDatabase(path) else { return nil }
        let system = fileSystem
        let result: Result<any File, FileError> = files.withLock { files in
            if let file = files[path] { return .success(file) }
            do throws(FileError) {
                let file = try system.open(path, .read)
                files[path] = file
                return .success(file)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func belongsToDatabase(_ path: String) -> Bool {
        ["", "-wal", "-shm"].contains { path.hasSuffix(".db" + $0) }
    }
}
