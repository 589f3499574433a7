extension Database {
    /// Pages that one step of `overwriteFreePages` takes.
    private static let stepPages: Int64 = 2048

    /// Overwrites pages that deleted rows have left, a bounded number of them: takes them into a table of
    /// zeros, which is dropped when no page is free. Neither the file nor what it costs others grows with
    /// it, as they would when the file is written anew.
    /// - Returns: whether there are more.
    package func overwriteFreePages() throws(DatabaseError) -> Bool {
        let free = try prepare("PRAGMA freelist_count").firstInteger() ?? 0
        let pageBytes = try prepare("PRAGMA page_size").firstInteger() ?? 4096
        guard free > 0 else {
            try execute("DROP TABLE IF EXISTS overwritten")
            return false
        }
        let pages = min(free, Self.stepPages)
        try execute("CREATE TABLE IF NOT EXISTS overwritten (filler BLOB)")
        // A quarter page beside the whole ones, so that what overflows fills its pages to the end.
        let insert = try prepare("INSERT INTO overwritten VALUES (zeroblob(?))")
        try insert.bind(1, pages * (pageBytes - 4) + pageBytes / 4)
        try insert.run()
        guard try prepare("PRAGMA freelist_count").firstInteger() ?? 0 > 0 else {
            try execute("DROP TABLE overwritten")
            return false
        }
        return true
    }

    /// Brings everything from the write-ahead log into the file and empties the log.
    ///
    /// Does not wait for a reader as a change does, for whoever writes next waits behind it.
    /// - Returns: false where a reader holds it; to be tried again.
    package func emptyLog() throws(DatabaseError) -> Bool {
        setPatience(milliseconds: 100)
        defer { setPatience(milliseconds: Self.patienceMilliseconds) }
        let checkpoint = try prepare("PRAGMA wal_checkpoint(TRUNCATE)")
        return try checkpoint.firstInteger() == 0
    }

    /// Writes the whole file anew, without anything of what is gone. O(size of the file).
    package func vacuum() throws(DatabaseError) { try execute("VACUUM") }
}
