import Core
import Store

@testable import StoreSupport

/// A record as a test keeps it beside the journal.
struct Entry: Equatable {
    var number: UInt64
    var kind: UInt8
    var payload: [UInt8]
}

let testStore = StoreUUID(bytes: Array(1...16))

/// Payload of a test record: long enough to span sectors where asked, different for every number.
func payload(_ number: UInt64, length: Int) -> [UInt8] {
    var chance = Randomness(seed: number)
    return (0..<length).map { _ in UInt8(1 + chance.below(255)) }
}

func openJournal(
    _ system: any FileSystem, directory: String = "", segmentBytes: Int64 = 1 << 20,
    archive: String? = nil, from: UInt64 = 1
) throws(JournalError) -> Journal {
    try Journal.open(
        directory: directory, store: testStore, segmentBytes: segmentBytes, archive: archive,
        fileSystem: system, from: from)
}

func entries(_ journal: borrowing Journal, from: UInt64 = 1) throws -> [Entry] {
    var found: [Entry] = []
    try journal.replay(from: from) { number, kind, payload in
        found.append(Entry(number: number, kind: kind, payload: Array(payload)))
    }
    return found
}

/// Appends records of these lengths and commits them together.
@discardableResult
func commit(_ lengths: [Int], to journal: inout Journal) throws(JournalError) -> [Entry] {
    var added: [Entry] = []
    for length in lengths {
        let bytes = payload(journal.nextRecord, length: length)
        let number = journal.append(kind: 7, payload: bytes)
        added.append(Entry(number: number, kind: 7, payload: bytes))
    }
    try journal.commit()
    return added
}

/// The bytes of a file.
func contents(_ path: String, in system: any FileSystem) throws -> [UInt8] {
    try system.open(path, .read).readAll()
}

/// A file system that holds these files, synced.
func fileSystem(holding files: [(path: String, bytes: [UInt8])]) throws -> FaultyFileSystem {
    let system = FaultyFileSystem()
    for (path, bytes) in files {
        let file = try system.open(path, .create)
        try file.write(bytes, at: 0)
        try file.sync()
    }
    try system.syncDirectory("")
    return system
}

/// All files of the root directory.
func files(of system: FaultyFileSystem) throws -> [(path: String, bytes: [UInt8])] {
    try system.list("").map { ("/" + $0, try contents("/" + $0, in: system)) }
}
