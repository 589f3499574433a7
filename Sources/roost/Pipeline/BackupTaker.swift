import Core
import Store

/// Copies the data directory of the running daemon into another one.
struct BackupTaker: Sendable {
    let snapshotter: Snapshotter
    let writer: JournalWriter
    let identity: StoreIdentity
    /// The data directory.
    let directory: String
    let time: any TimeSource
    let counters: Counters
    let log: Log

    /// - Parameter target: absolute path of a directory that is empty or not there yet.
    func take(to target: String) async throws(StatusFailure) -> BackupView {
        guard target.hasPrefix("/"), !target.contains("\0"), !target.hasSuffix("/") else {
            throw StatusFailure(
                httpStatus: 400, code: "bad_directory", detail: "directory: must be an absolute path")
        }
        let begun = time.monotonic()
        do {
            let (manifest, bytes) = try await snapshotter.alone { try await copy(to: target, $0) }
            counters.add(.backups)
            log.info("backup: \(manifest.files.count) files, \(bytes) bytes, in \(target)")
            return BackupView(
                directory: target, record: manifest.record, files: Int64(manifest.files.count),
                bytes: bytes, seconds: Double(time.monotonic() - begun) / 1e6)
        } catch {
            log.error("backup: \(error); what is in \(target) is not whole and does not start")
            throw StatusFailure(httpStatus: 500, code: "backup_failed", detail: "\(error)")
        }
    }

    private func copy(
        to target: String, _ snapshotter: isolated Snapshotter
    ) async throws -> (BackupManifest, Int64) {
        var backup = try BackupWriter(from: directory, to: target, fileSystem: DiskFileSystem())
        // Fresh ones keep what has to be replayed at the start short.
        guard await snapshotter.round() != nil else {
            throw BackupError.damaged(path: directory, reason: "no snapshot could be written")
        }
        try backup.copyState()
        let (segments, record) = await writer.segmentFiles()
        try backup.copyJournal(segments)
        let manifest = try backup.finish(identity, record: record, takenAt: time.wall())
        return (manifest, manifest.files.reduce(0) { $0 + $1.bytes })
    }
}
