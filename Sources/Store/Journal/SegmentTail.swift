/// What stands in a segment from the first record that is not whole: the remains of a commit that was
/// under way when the power went, or damage to what had been on disk.
///
/// Only the last commit can be unfinished, so a whole record of a *later* commit proves damage. A record
/// of the *same* commit does not: the disk may have kept the pages of one write in any order. A page it
/// did not keep reads as zeros, though; where there are none, the record was there and has been altered.
struct SegmentTail {
    enum Verdict {
        case torn
        case damaged
    }

    let bytes: [UInt8]
    /// Where in the file they begin.
    let offset: Int64

    private static let sectorBytes: Int64 = 512

    /// - Parameter expected: number that the first record here ought to have.
    func verdict(expected: UInt64, seed: UInt32) -> Verdict {
        bytes.withUnsafeBytes { tail in
            var place = 1
            var lostSectorSeen = false
            while let (found, header) = nextRecord(in: tail, from: place, atLeast: expected, seed: seed) {
                if header.commitFirst > expected { return .damaged }
                lostSectorSeen = lostSectorSeen || holdsLostSector(tail, before: found)
                if !lostSectorSeen { return .damaged }
                place = found + header.totalBytes
            }
            return .torn
        }
    }

    /// Whether a whole record of that number or a later one stands anywhere here.
    func holdsRecord(_ number: UInt64, seed: UInt32) -> Bool {
        bytes.withUnsafeBytes { nextRecord(in: $0, from: 0, atLeast: number, seed: seed) != nil }
    }

    /// The next place that holds a whole record with a number that could stand here.
    private func nextRecord(
        in tail: UnsafeRawBufferPointer, from start: Int, atLeast expected: UInt64, seed: UInt32
    ) -> (Int, RecordHeader)? {
        let overhead = JournalFormat.recordOverhead
        let plausible = UInt64(tail.count / overhead)
        var place = start
        while place + overhead <= tail.count {
            defer { place += 1 }
            let header = RecordHeader(UnsafeRawBufferPointer(rebasing: tail[place..<place + overhead]))
            guard header.number &- expected <= plausible, place + header.totalBytes <= tail.count else {
                continue
            }
            let record = UnsafeRawBufferPointer(rebasing: tail[place..<place + header.totalBytes])
            if JournalFormat.recordChecksum(record, seed: seed) == header.checksum {
                return (place, header)
            }
        }
        return nil
    }

    /// Whether a sector of the file, as far as it lies in the tail before `limit`, is all zeros.
    private func holdsLostSector(_ tail: UnsafeRawBufferPointer, before limit: Int) -> Bool {
        var start = 0
        while start < limit {
            let sector = (offset + Int64(start)) / SegmentTail.sectorBytes
            let end = Int((sector + 1) * SegmentTail.sectorBytes - offset)
            if end > limit { return false }
            if tail[start..<end].allSatisfy({ $0 == 0 }) { return true }
            start = end
        }
        return false
    }
}
