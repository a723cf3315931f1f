# Adds a partition to the GPT of a disk that an image was written to: after all others, at the end of the drive, where
# the second table goes too. UEFI 2.10, section 5.3; sectors of 512 bytes, as images have them.
# In Perl because nothing else in the ramdisk can write a partition table.
use strict;
use warnings;

my $SECTOR = 512;
my $MIB = 1024 * 1024;
my $BASIC_DATA = pack('H*', 'a2a0d0ebe5b9334487c068b6b72699c7');

my ($path, $size, $name, $mib) = @ARGV;
open(my $drive, '+<:raw', $path) or die "$path cannot be opened: $!\n";

sub get {
    my ($sector, $length) = @_;
    sysseek($drive, $sector * $SECTOR, 0) // die "sector $sector cannot be reached: $!\n";
    my $data = '';
    while (length($data) < $length) {
        my $got = sysread($drive, $data, $length - length($data), length($data));
        die "sector $sector cannot be read\n" unless $got;
    }
    return $data;
}

sub put {
    my ($sector, $data) = @_;
    sysseek($drive, $sector * $SECTOR, 0) // die "sector $sector cannot be reached: $!\n";
    (syswrite($drive, $data) // -1) == length($data) or die "sector $sector cannot be written: $!\n";
}

my @crcs = map {
    my $value = $_;
    $value = $value & 1 ? ($value >> 1) ^ 0xEDB88320 : $value >> 1 for 1 .. 8;
    $value;
} 0 .. 255;

sub crc32 {
    my $value = 0xFFFFFFFF;
    $value = ($value >> 8) ^ $crcs[($value ^ $_) & 255] for unpack('C*', $_[0]);
    return $value ^ 0xFFFFFFFF;
}

my $header = get(1, $SECTOR);
my ($mark, undef, $length, $crc) = unpack('a8 V V V', $header);
die "there is no GPT\n" unless $mark eq 'EFI PART' && $length >= 92 && $length <= $SECTOR;
$header = substr($header, 0, $length);
substr($header, 16, 4) = pack('V', 0);
die "the GPT is damaged\n" unless crc32($header) == $crc;
my ($table, $count, $width, $table_crc) = unpack('Q< V V V', substr($header, 72));
die "the GPT is of a strange size\n" unless $width >= 128 && $count * $width && $count * $width <= $MIB;
my $entries = get($table, $count * $width);
die "the GPT is damaged\n" unless crc32($entries) == $table_crc;

my $table_sectors = int(($count * $width + $SECTOR - 1) / $SECTOR);
my $sectors = int($size / $SECTOR);
my $last_usable = $sectors - $table_sectors - 2;
my $first = int(($last_usable + 1) * $SECTOR / $MIB - $mib) * $MIB / $SECTOR;
my ($free, $used) = (undef, unpack('Q<', substr($header, 40)) - 1);
for my $number (0 .. $count - 1) {
    my ($kind, $end) = unpack('a16 x24 Q<', substr($entries, $number * $width, $width));
    if ($kind eq "\0" x 16) { $free //= $number }
    elsif ($end > $used) { $used = $end }
}
die "the GPT has no free entry\n" unless defined $free;
die "the drive has no room behind the image\n" unless $first > $used;

open(my $random, '<:raw', '/dev/urandom') or die "there is no randomness: $!\n";
sysread($random, my $id, 16) == 16 or die "there is no randomness\n";
vec($id, 7, 8) = vec($id, 7, 8) & 0x0F | 0x40;
vec($id, 8, 8) = vec($id, 8, 8) & 0x3F | 0x80;
my $entry = pack('a16 a16 Q< Q< Q<', $BASIC_DATA, $id, $first, $first + $mib * $MIB / $SECTOR - 1, 0);
$entry .= join('', map { pack('v', ord) } split(//, $name));
substr($entries, $free * $width, $width) = $entry . "\0" x ($width - length($entry));

sub header_at {
    my ($own, $other, $where) = @_;
    my $made = $header;
    substr($made, 24, 16) = pack('Q< Q<', $own, $other);
    substr($made, 48, 8) = pack('Q<', $last_usable);
    substr($made, 72, 8) = pack('Q<', $where);
    substr($made, 88, 4) = pack('V', crc32($entries));
    substr($made, 16, 4) = pack('V', crc32($made));
    return $made . "\0" x ($SECTOR - $length);
}

# The second table first: as long as the first one is whole, there is a whole one.
put($last_usable + 1, $entries . "\0" x ($table_sectors * $SECTOR - length($entries)));
put($sectors - 1, header_at($sectors - 1, 1, $last_usable + 1));
put($table, $entries);
put(1, header_at(1, $sectors - 1, $table));
my $legacy = get(0, $SECTOR);
if (unpack('C', substr($legacy, 450, 1)) == 0xEE) {
    substr($legacy, 458, 4) = pack('V', $sectors - 1 > 0xFFFFFFFF ? 0xFFFFFFFF : $sectors - 1);
    put(0, $legacy);
}
close($drive) or die "$path cannot be closed: $!\n";
