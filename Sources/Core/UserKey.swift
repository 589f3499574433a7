/// How users are spread over partitions: a documented, unkeyed hash, so that a topic's partitions and
/// ours can agree.
package enum Partitioning {
    /// Partitions of a store; fixed, for the hash modulo it is what a snapshot is cut by.
    @inlinable package static var count: Int { 64 }

    /// murmur2 of the id as Kafka's default partitioner has it, made positive, modulo 64.
    @inlinable
    package static func partition(of id: UnsafeRawBufferPointer) -> Int {
        Int(murmur2(id) & 0x7FFF_FFFF) & (count - 1)
    }

    /// MurmurHash2, 32 bits, seed 0x9747b28c. Source: `org.apache.kafka.common.utils.Utils.murmur2`.
    @inlinable
    package static func murmur2(_ data: UnsafeRawBufferPointer) -> UInt32 {
        let m: UInt32 = 0x5bd1_e995
        let length = data.count
        var h: UInt32 = 0x9747_b28c ^ UInt32(truncatingIfNeeded: length)
        var index = 0
        while index + 4 <= length {
            var k = UInt32(littleEndian: data.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            k = k &* m
            k ^= k >> 24
            k = k &* m
            h = h &* m
            h ^= k
            index += 4
        }
        let rest = length & 3
        if rest == 3 { h ^= UInt32(data[index + 2]) << 16 }
        if rest >= 2 { h ^= UInt32(data[index + 1]) << 8 }
        if rest >= 1 {
            h ^= UInt32(data[index])
            h = h &* m
        }
        h ^= h >> 13
        h = h &* m
        h ^= h >> 15
        return h
    }
}

/// Secret of one process for hash tables over ids that strangers choose.
@frozen
package struct HashKey: Sendable {
    @usableFromInline let k0: UInt64
    @usableFromInline let k1: UInt64

    package init(k0: UInt64, k1: UInt64) {
        self.k0 = k0
        self.k1 = k1
    }

    /// Keyed 64-bit hash of bytes: folded 128-bit multiplication over keyed words, after wyhash
    /// (Wang Yi, public domain).
    @inlinable
    package func hash(_ data: UnsafeRawBufferPointer) -> UInt64 {
        let length = data.count
        var h = k0 ^ UInt64(truncatingIfNeeded: length) &* 0x9E37_79B9_7F4A_7C15
        var index = 0
        while index + 8 <= length {
            let word = data.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            h = HashKey.fold(h ^ word, k1 ^ 0xA076_1D64_78BD_642F)
            index += 8
        }
        var tail: UInt64 = 0
        var shift: UInt64 = 0
        while index < length {
            tail |= UInt64(data[index]) << shift
            shift += 8
            index += 1
        }
        return HashKey.fold(h ^ tail ^ k1, 0xE703_7ED1_A0B4_28DB ^ k0)
    }

    @inlinable
    static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}

/// 128-bit unkeyed hash for identities that must be the same wherever history is replayed.
///
/// MurmurHash3 x64 128, seed 0 (Austin Appleby, public domain).
package struct StableHash: Sendable {
    package static func hash128(_ data: [UInt8]) -> (UInt64, UInt64) {
        data.withUnsafeBytes { hash128($0) }
    }

    package static func hash128(_ data: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
        let c1: UInt64 = 0x87c3_7b91_1142_53d5
        let c2: UInt64 = 0x4cf5_ad43_2745_937f
        var h1: UInt64 = 0
        var h2: UInt64 = 0
        let length = data.count
        func rotl(_ x: UInt64, _ r: UInt64) -> UInt64 { (x << r) | (x >> (64 - r)) }
        func mix(_ x: UInt64) -> UInt64 {
            var k = x
            k ^= k >> 33
            k = k &* 0xff51_afd7_ed55_8ccd
            k ^= k >> 33
            k = k &* 0xc4ce_b9fe_1a85_ec53
            k ^= k >> 33
            return k
        }
        var index = 0
        while index + 16 <= length {
            var k1 = UInt64(littleEndian: data.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            var k2 = UInt64(littleEndian: data.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self))
            k1 = rotl(k1 &* c1, 31) &* c2
            h1 ^= k1
            h1 = (rotl(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
            k2 = rotl(k2 &* c2, 33) &* c1
            h2 ^= k2
            h2 = (rotl(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
            index += 16
        }
        var k1: UInt64 = 0
        var k2: UInt64 = 0
        let rest = length - index
        for offset in 0..<rest {
            let byte = UInt64(data[index + offset])
            if offset < 8 { k1 |= byte << UInt64(8 * offset) } else { k2 |= byte << UInt64(8 * (offset - 8)) }
        }
        if rest > 8 { h2 ^= rotl(k2 &* c2, 33) &* c1 }
        if rest > 0 { h1 ^= rotl(k1 &* c1, 31) &* c2 }
        h1 ^= UInt64(length)
        h2 ^= UInt64(length)
        h1 = h1 &+ h2
        h2 = h2 &+ h1
        h1 = mix(h1)
        h2 = mix(h2)
        h1 = h1 &+ h2
        h2 = h2 &+ h1
        return (h1, h2)
    }
}
