import Dispatch
import Glibc
import Testing

@testable import Wire

/// Sockets that are told of too seldom, too often, or after their end.
struct SocketWatchTests {
    private let queue = DispatchQueue(label: "test.watch")

    private func pair() throws -> (ours: Descriptor, theirs: Descriptor) {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    private func receive(_ descriptor: Descriptor) -> Transfer {
        var space = [UInt8](repeating: 0, count: 1 << 16)
        return space.withUnsafeMutableBytes { SystemCalls.receive(descriptor.number, into: $0) }
    }

    private func say(_ count: Int, to descriptor: Descriptor) -> Transfer {
        let bytes = [UInt8](repeating: 1, count: count)
        return bytes.withUnsafeBytes { SystemCalls.transmit(descriptor.number, $0) }
    }

    @Test func `whoever reads is told of every arrival and of the end`() async throws {
        let (stream, told) = AsyncStream.makeStream(of: Transfer.self)
        let ours: Descriptor
        var theirs: Descriptor?
        (ours, theirs) = try pair()
        let watch = SocketWatch(ours, queue: queue, onReadable: { told.yield(receive(ours)) })
        watch.setReading(true)
        var arrivals = stream.makeAsyncIterator()
        for count in 1...100 {
            if let theirs { #expect(say(count, to: theirs) == .bytes(count)) }
            #expect(await arrivals.next() == .bytes(count))
        }
        theirs = nil
        #expect(await arrivals.next() == .end)
        watch.cancel()
    }

    @Test func `whoever does not read is told nothing until it does`() async throws {
        let (stream, told) = AsyncStream.makeStream(of: Transfer.self)
        let (ours, theirs) = try pair()
        let watch = SocketWatch(ours, queue: queue, onReadable: { told.yield(receive(ours)) })
        watch.setReading(true)
        watch.setReading(false)
        #expect(say(5, to: theirs) == .bytes(5))
        #expect(say(5, to: theirs) == .bytes(5))
        watch.setReading(true)
        var arrivals = stream.makeAsyncIterator()
        // Both at once: the first has told nobody.
        #expect(await arrivals.next() == .bytes(10))
        watch.cancel()
    }

    @Test func `whoever writes is told when there is room again`() async throws {
        let (stream, told) = AsyncStream.makeStream(of: Bool.self)
        let (ours, theirs) = try pair()
        while say(1 << 16, to: ours) != .wait {}
        let watch = SocketWatch(ours, queue: queue, onWritable: { told.yield(true) })
        watch.setWriting(true)
        while case .bytes = receive(theirs) {}
        var rooms = stream.makeAsyncIterator()
        #expect(await rooms.next() == true)
        watch.cancel()
    }

    @Test func `a watch that is over calls nobody and lets go of all`() async throws {
        let (stream, told) = AsyncStream.makeStream(of: Bool.self)
        let (ours, theirs) = try pair()
        weak var released: Descriptor?
        do {
            let held = try pair().ours
            released = held
            let watch = SocketWatch(
                ours, queue: queue, onReadable: { withExtendedLifetime(held) { _ = told.yield(false) } })
            watch.setReading(true)
            watch.cancel()
            watch.setReading(true)
        }
        #expect(released == nil)
        #expect(say(1, to: theirs) == .bytes(1))
        // The descriptor is free for another watch, which is told.
        let other = SocketWatch(ours, queue: queue, onReadable: { told.yield(true) })
        other.setReading(true)
        var first = stream.makeAsyncIterator()
        #expect(await first.next() == true)
        other.cancel()
    }
}
