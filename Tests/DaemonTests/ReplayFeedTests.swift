import Core
import Foundation
import Testing

@testable import roost

/// The lines that a replay sends are numbered as the daemon numbers them.
@Suite struct ReplayFeedTests {
    /// Feeds pieces of one file and takes everything.
    private func lines(_ pieces: [String], skipping: UInt64 = 0) throws -> (sent: [String], feed: LineFeed) {
        var feed = LineFeed(skipping: skipping)
        var out: [UInt8] = []
        for piece in pieces {
            _ = try feed.fill { buffer in
                buffer += Array(piece.utf8)
                return true
            }
            while feed.hasWhole { _ = feed.take(atMost: 3, into: &out) }
        }
        feed.endFile()
        while feed.hasWhole { _ = feed.take(atMost: .max, into: &out) }
        return (out.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }, feed)
    }

    @Test func blankLinesAreNoLinesAndTheLastNeedsNoNewline() throws {
        let (sent, feed) = try lines(["\u{FEFF}{\"a\":1}\n\n \t\r\n{\"b\":2}\r\n{\"c\":3}"])
        #expect(sent == ["{\"a\":1}", "{\"b\":2}\r", "{\"c\":3}"])
        #expect(feed.lines == 3)
    }

    @Test func whatWouldBeAControlLineStaysHere() throws {
        let (sent, feed) = try lines(["{\"$sync\":{}}\n { \"$x\": 1}\n{\"$a\":1,\"b\":2}\n{\"$broken\n"])
        #expect(sent == ["{\"$a\":1,\"b\":2}", "{\"$broken"])
        #expect(feed.heldBack == 2)
        #expect(feed.lines == 2)
    }

    @Test func linesThatAreThereAlreadyAreSkipped() throws {
        let (sent, feed) = try lines(["1\n2\n\n3\n4\n"], skipping: 2)
        #expect(sent == ["3", "4"])
        #expect(feed.lines == 4)
    }

    @Test func whereTheBytesAreCutDoesNotMatter() throws {
        let text = "{\"a\":1}\n\n{\"$sync\":{}}\n{\"b\":\"회\"}\r\n  \n{\"c\":3}"
        let whole = try lines([text])
        let bytes = Array(text.unicodeScalars)
        for cut in 0...bytes.count {
            let pieces = [bytes[..<cut], bytes[cut...]].map { part in
                var view = String.UnicodeScalarView()
                view.append(contentsOf: part)
                return String(view)
            }
            #expect(try lines(pieces).sent == whole.sent)
        }
    }

    @Test func gzipIsToldByItsFirstBytesAndUnpacked() throws {
        // `printf 'one\ntwo\n' | gzip -n`
        let packed: [UInt8] = [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0xCF, 0x4B, 0xE5, 0x2A, 0x29,
            0xCF, 0xE7, 0x02, 0x00, 0xE6, 0x0B, 0xBA, 0x12, 0x08, 0x00, 0x00, 0x00,
        ]
        let path = NSTemporaryDirectory() + "roost-gzip-\(UUID().uuidString)"
        defer { unlink(path) }
        try File(creating: path).write(packed)
        var source = try ByteSource(path: path)
        var out: [UInt8] = []
        while try source.read(into: &out) {}
        #expect(String(decoding: out, as: UTF8.self) == "one\ntwo\n")
        #expect(source.position == source.size)
        try File(creating: path).write(Array(packed.dropLast(9)))
        var cut = try ByteSource(path: path)
        #expect(throws: CommandFailure.self) { while try cut.read(into: &out) {} }
    }

    @Test func theBarShowsShareRateAndTimeLeft() {
        let text = ProgressBar.text(
            done: 250, total: 1000, units: 1_500_000, unit: "lines", seconds: 10, width: 100)
        #expect(text.contains("25.0 %  1,500,000 lines  150,000 lines/s  30s left"))
        #expect(text.hasPrefix("[##########..."))
        #expect(text.count <= 100)
        let pipe = ProgressBar.text(done: 5, total: nil, units: 10, unit: "lines", seconds: 2, width: 80)
        #expect(pipe == "10 lines  5 lines/s  2s")
        #expect(
            ProgressBar.text(done: 0, total: 9, units: 0, unit: "lines", seconds: 0, width: 20).isEmpty
                == false)
    }
}
