extension Journal {
    /// Drops whole segments all of whose records are below `number`: unlinks them, or moves them into the
    /// archive where there is one. The last segment always stays.
    ///
    /// Oldest first. Where a power cut keeps a later removal and loses an earlier one, what remains lies
    /// below what any start asks for, and the next cut takes it.
    /// - Returns: how many went.
    package mutating func cut(below number: UInt64) throws(JournalError) -> Int {
        guard kept.count > 1, kept[1].first <= number else { return 0 }
        if let archive {
            do { try fileSystem.ensureDirectory(archive) } catch { throw .file(error) }
        }
        var removed = 0
        while kept.count > 1, kept[1].first <= number {
            do {
                try remove(kept[0])
            } catch {
                if error.isNoSpace { throw .noSpace(path: error.path) }
                throw .file(error)
            }
            kept.removeFirst()
            removed += 1
        }
        do { try fileSystem.syncDirectory(directory) } catch { throw fail(error) }
        return removed
    }

    private func remove(_ segment: Segment) throws(FileError) {
        guard let archive else { return try fileSystem.unlink(segment.path) }
        let name = JournalFormat.fileName(first: segment.first)
        do {
            try fileSystem.rename(segment.path, to: "\(archive)/\(name)")
        } catch {
            guard error.isOtherDevice else { throw error }
            try copy(segment, to: name, in: archive)
            try fileSystem.unlink(segment.path)
        }
        try fileSystem.syncDirectory(archive)
    }

    /// Copies onto another device; the copy is durable before this returns.
    private func copy(_ segment: Segment, to name: String, in archive: String) throws(FileError) {
        let bytes = try fileSystem.open(segment.path, .read).readAll()
        try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
            try fileSystem.replace(name, in: archive, with: [UnsafeRawBufferPointer(buffer)])
        }
    }
}
