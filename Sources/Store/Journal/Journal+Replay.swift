extension Journal {
    /// Hands over every committed record from `first` on, in order, reading segment by segment.
    ///
    /// The payload is valid during the call only. Throws a `JournalError` about the files, or whatever
    /// `body` throws; what was handed over before an error was whole.
    package func replay(
        from first: UInt64,
        _ body: (_ number: UInt64, _ kind: UInt8, _ payload: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard first >= firstRecord else {
            throw JournalError.missing(directory: directory, from: first, through: firstRecord - 1)
        }
        let start = kept.lastIndex { $0.first <= first } ?? 0
        for index in start..<kept.count {
            try replay(segment: index, from: first, body)
        }
    }

    private func replay(
        segment index: Int, from first: UInt64,
        _ body: (UInt64, UInt8, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let segment = kept[index]
        var reader = try reader(of: segment)
        reading: while true {
            switch try next(from: &reader) {
            case .record(let header, let payload):
                if header.number >= first { try body(header.number, header.kind, payload) }
            case .invalid(let damage):
                throw JournalError.corrupt(path: segment.path, offset: reader.offset, damage: damage)
            case .end: break reading
            }
        }
        let following = index + 1 < kept.count ? kept[index + 1].first : committedRecord
        if reader.expected < following {
            throw JournalError.missing(
                directory: directory, from: reader.expected, through: following - 1)
        }
        if reader.expected > following {
            throw JournalError.corrupt(path: segment.path, offset: reader.offset, damage: .overlap)
        }
    }

    private func reader(of segment: Segment) throws(JournalError) -> SegmentReader {
        do {
            let file = try fileSystem.open(segment.path, .read)
            return SegmentReader(file: file, end: segment.bytes, expected: segment.first, seed: seed)
        } catch { throw .file(error) }
    }

    private func next(from reader: inout SegmentReader) throws(JournalError) -> SegmentReader.Outcome {
        do { return try reader.next() } catch { throw .file(error) }
    }
}
