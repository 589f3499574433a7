/// The bytes of a segment file. All numbers are little-endian.
///
///     file    header, record*
///     header  "ROOSTJNL" | format u32 | header bytes u32 | store 16 bytes | first record u64 | CRC u32
///     record  payload bytes u32 | CRC u32 | number u64 | kind u8 | place in its commit u24 | payload
///
/// The CRC of the header covers what precedes it; that of a record covers all of it but the CRC itself,
/// and begins with the CRC of the store's id. The place in the commit (0 for the first record of a group
/// commit) tells a commit that the disk kept in part from damage to what had been on disk: only one
/// commit can be unfinished, so a bad record with one of a *later* commit behind it is corruption.
enum JournalFormat {
    static let version: UInt32 = 1
    static let magic = Array("ROOSTJNL".utf8)
    static let headerBytes = 44
    static let recordOverhead = 20
    /// Places in a commit that the record has room for.
    static let recordsPerCommit = 1 << 24
    static let payloadBytesMax = 1 << 30
    static let suffix = ".journal"

    static func fileName(first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.count) + digits + suffix
    }

    /// First record number in a file's name; nil where it is not a segment's name.
    static func first(ofFileName name: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.utf8.count == 20 else { return nil }
        return UInt64(digits)
    }

    static func header(store: StoreUUID, first: UInt64) -> [UInt8] {
        var bytes = magic
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: UInt32(headerBytes))
        bytes.append(contentsOf: store.bytes)
        bytes.append(littleEndian: first)
        bytes.append(littleEndian: Checksum.crc32c(bytes))
        return bytes
    }

    /// Appends a record to a buffer.
    static func append(
        _ payload: UnsafeRawBufferPointer, kind: UInt8, number: UInt64, place: Int, seed: UInt32,
        to buffer: inout [UInt8]
    ) {
        let start = buffer.count
        buffer.append(littleEndian: UInt32(payload.count))
        buffer.append(littleEndian: UInt32(0))
        buffer.append(littleEndian: number)
        buffer.append(littleEndian: UInt32(kind) | UInt32(place) << 8)
        buffer.append(contentsOf: payload)
        buffer.withUnsafeMutableBytes { bytes in
            let record = UnsafeRawBufferPointer(rebasing: bytes[start...])
            bytes.storeBytes(
                of: recordChecksum(record, seed: seed).littleEndian, toByteOffset: start + 4,
                as: UInt32.self)
        }
    }

    /// CRC of a whole record.
    static func recordChecksum(_ record: UnsafeRawBufferPointer, seed: UInt32) -> UInt32 {
        let length = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: record[0..<4]), continuing: seed)
        return Checksum.crc32c(UnsafeRawBufferPointer(rebasing: record[8...]), continuing: length)
    }
}

/// The fixed part of a record.
struct RecordHeader {
    let payloadBytes: Int
    let checksum: UInt32
    let number: UInt64
    let kind: UInt8
    /// 0 for the first record of its commit.
    let place: Int

    /// - Parameter bytes: at least `JournalFormat.recordOverhead`.
    init(_ bytes: UnsafeRawBufferPointer) {
        payloadBytes = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        number = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let rest = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        kind = UInt8(truncatingIfNeeded: rest)
        place = Int(rest >> 8)
    }

    var totalBytes: Int { JournalFormat.recordOverhead + payloadBytes }
    /// Number of the first record of its commit.
    var commitFirst: UInt64 { number &- UInt64(place) }
}

extension [UInt8] {
    mutating func append<Word: FixedWidthInteger>(littleEndian word: Word) {
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }
}
