import Core
import Testing
import Wire

/// Risk: how the stream is cut into reads changes what its lines are.
struct IngestFramingTests {
    /// All pieces of a stream given in chunks, over-long lines as `<prefix:length>`.
    private func pieces(_ chunks: [[UInt8]], limit: Int, kept: Int = 3, readBytes: Int = 8) -> String {
        var framer = LineFramer(readBytes: readBytes, lineBytes: limit, keptBytes: kept)
        var result = ""
        func drain(_ framer: inout LineFramer) {
            while let piece = framer.next() {
                switch piece {
                case .tooLong(let prefix, let length):
                    result += "<\(String(decoding: prefix, as: UTF8.self)):\(length)>\n"
                case .lines(let slab):
                    result += String(decoding: slab, as: UTF8.self)
                    framer.consume(slab.count)
                }
            }
        }
        for chunk in chunks {
            var rest = chunk[...]
            while !rest.isEmpty {
                let count = framer.withFreeSpace { space in
                    let count = min(space.count, rest.count)
                    for (index, byte) in rest.prefix(count).enumerated() { space[index] = byte }
                    return count
                }
                framer.received(count)
                rest = rest.dropFirst(count)
                drain(&framer)
            }
        }
        framer.finish()
        drain(&framer)
        return result
    }

    @Test func `every pair of cuts gives the same lines`() {
        let text = "ab\n\nabcdefghij\nabcde\r\nabcdef\r\nabcdefghijklmnop\nxy\n12345\n1234567890123\nend"
        let bytes = Array(text.utf8)
        let wanted = "ab\n\n<abc:10>\nabcde\r\n<abc:7>\n<abc:16>\nxy\n12345\n<123:13>\nend\n"
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [
                    Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...]),
                ]
                for readBytes in [3, 100] {
                    let result = pieces(chunks, limit: 5, readBytes: readBytes)
                    #expect(result == wanted, "cut at \(first) and \(second), reads of \(readBytes)")
                }
            }
        }
    }

    @Test func `a line of exactly the limit is whole, one byte more is too long`() {
        #expect(pieces([Array("12345\n".utf8)], limit: 5) == "12345\n")
        #expect(pieces([Array("123456\n".utf8)], limit: 5) == "<123:6>\n")
        #expect(pieces([Array("123456".utf8)], limit: 5) == "<123:6>\n")
        #expect(pieces([Array("12345".utf8)], limit: 5) == "12345\n")
    }

    @Test func `lines taken in part stay for later`() {
        var framer = LineFramer(readBytes: 64, lineBytes: 64, keptBytes: 8)
        framer.withFreeSpace { space in
            for (index, byte) in "a\nb\nc".utf8.enumerated() { space[index] = byte }
        }
        let ended = framer.received(5)
        #expect(ended)
        guard case .lines(let slab) = framer.next() else { return #expect(Bool(false)) }
        #expect(String(decoding: slab, as: UTF8.self) == "a\nb\n")
        framer.consume(2)
        var waits = framer.hasWholeLines
        #expect(waits)
        guard case .lines(let rest) = framer.next() else { return #expect(Bool(false)) }
        #expect(String(decoding: rest, as: UTF8.self) == "b\n")
        framer.consume(2)
        waits = framer.hasWholeLines
        #expect(!waits)
        let partial = framer.hasPartialLine
        #expect(partial)
    }

    @Test func `a full batch is followed by another from where it stopped`() {
        var decoder = FakeDecoder(rowLimit: 2)
        let bytes = Array("a,1,x\nb,1,x\nc,1,x\n".utf8)
        bytes.withUnsafeBytes { slab in
            let first = decoder.decode(slab, streamStart: true)
            #expect(first.stop == .full)
            #expect(first.consumed == 12)
        }
    }
}
