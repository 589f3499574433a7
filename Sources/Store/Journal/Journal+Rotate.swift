extension Journal {
    /// Names of the segment files, with the bytes of each that are committed.
    package var segmentFiles: [(name: String, bytes: Int64)] {
        kept.map { (JournalFormat.fileName(first: $0.first), $0.bytes) }
    }

    /// Ends the last segment and begins another, so that a cut can take what was written so far.
    ///
    /// - Returns: the first record of the last segment from now on; nil where records wait for a commit.
    package mutating func rotate() throws(JournalError) -> UInt64? {
        guard pendingBytes == 0 else { return nil }
        if kept[kept.count - 1].first < committedRecord { try beginSegment() }
        return kept[kept.count - 1].first
    }
}
